// SPDX-License-Identifier: Apache-2.0
// The dictionary that SPDY/3's header compression starts with: data of the
// protocol (spdy-protocol-draft3-1, section 2.6.10.1).
#ifndef CORACLE_CRI_STREAM_SPDY_DICTIONARY_H_
#define CORACLE_CRI_STREAM_SPDY_DICTIONARY_H_

#include <string>

namespace cri::stream {

// 1423 bytes, whose Adler-32 is 0xe3c6a7c2. Made once, lives for ever.
const std::string& SpdyDictionary();

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_SPDY_DICTIONARY_H_
