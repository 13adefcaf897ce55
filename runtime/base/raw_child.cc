// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "runtime/base/raw.h"

namespace runtime::raw {

Text& Text::Add(const char* text) {
  while (*text != '\0' && size_ < sizeof(bytes_) - 1) bytes_[size_++] = *text++;
  bytes_[size_] = '\0';
  return *this;
}

Text& Text::Add(uint64_t number) {
  char digits[21] = {};
  char* at = digits + sizeof(digits) - 1;
  do {
    *--at = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  return Add(at);
}

bool Fail(Failure* failure, const char* what, const char* object, int error) {
  failure->error = error;
  failure->text = Text();
  failure->text.Add(what);
  if (*object != '\0') failure->text.Add(" ").Add(object);
  if (error != 0) failure->text.Add(": ").Add(ErrorText(error));
  return false;
}

// strerror may allocate and look up a translation; this one does neither.
const char* ErrorText(int error) {
  const char* text = strerrordesc_np(error);
  return text != nullptr ? text : "unknown error";
}

const char* FindVariable(const char* const* environment, const char* name) {
  const size_t size = strlen(name);
  const char* value = nullptr;
  for (; *environment != nullptr; ++environment) {
    if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=') {
      value = *environment + size + 1;
    }
  }
  return value;
}

}  // namespace runtime::raw
