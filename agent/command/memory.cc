// SPDX-License-Identifier: Apache-2.0
#include "agent/command/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace agent::command {
namespace {

// Of one loaded file: the segments that are never written to, so that what is
// mapped is the file's. Data and relocations lie in the others.
int ReleaseFile(dl_phdr_info* file, size_t, void* page_size) {
  const auto page = *static_cast<const uintptr_t*>(page_size);
  for (int i = 0; i < file->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = file->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uintptr_t begin = (file->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const uintptr_t end = file->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    // Fails for what is no file, as the kernel's own vdso: that stays.
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void TuneAllocator() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 256 << 10);
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
}

void ReleaseUnused() {
  malloc_trim(0);
  uintptr_t page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  dl_iterate_phdr(&ReleaseFile, &page_size);
}

}  // namespace agent::command
