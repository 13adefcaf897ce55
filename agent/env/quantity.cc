// SPDX-License-Identifier: Apache-2.0
// The Kubernetes quantity grammar: [+-] digits [. digits] suffix, where the
// suffix is n u m "" k M G T P E, Ki Mi Gi Ti Pi Ei, or e/E and an exponent.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/env/env.h"
#include "runtime/base/status.h"

namespace agent::env {
namespace {

__extension__ using Wide = unsigned __int128;

// Fraction digits beyond these only say "a little more": the result is rounded
// up anyway. 15 keeps fraction × 1024⁶ × 1000 within 128 bits.
constexpr size_t kFractionDigits = 15;

struct Scale {
  int decimal = 0;  // power of ten
  int binary = 0;   // power of two
};

absl::Status Malformed(const std::string& text) {
  return absl::InvalidArgumentError(absl::StrCat(
      "quantity \"", text,
      "\": not a number followed by one of n u m k M G T P E Ki Mi Gi Ti Pi Ei "
      "or an exponent"));
}

absl::Status TooLarge(const std::string& text) {
  return absl::OutOfRangeError(
      absl::StrCat("quantity \"", text, "\" is too large"));
}

std::optional<Scale> ParseSuffix(absl::string_view suffix) {
  static constexpr struct {
    absl::string_view name;
    Scale scale;
  } kSuffixes[] = {
      {"", {0, 0}},    {"n", {-9, 0}},  {"u", {-6, 0}},  {"m", {-3, 0}},
      {"k", {3, 0}},   {"M", {6, 0}},   {"G", {9, 0}},   {"T", {12, 0}},
      {"P", {15, 0}},  {"E", {18, 0}},  {"Ki", {0, 10}}, {"Mi", {0, 20}},
      {"Gi", {0, 30}}, {"Ti", {0, 40}}, {"Pi", {0, 50}}, {"Ei", {0, 60}},
  };
  for (const auto& entry : kSuffixes) {
    if (suffix == entry.name) return entry.scale;
  }
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) {
    return std::nullopt;
  }
  absl::string_view digits = suffix.substr(1);
  if (digits[0] == '+' || digits[0] == '-') digits.remove_prefix(1);
  if (digits.empty() || digits.size() > 9) return std::nullopt;
  for (char c : digits) {
    if (!absl::ascii_isdigit(c)) return std::nullopt;
  }
  int exponent = 0;
  if (!absl::SimpleAtoi(digits, &exponent)) return std::nullopt;
  return Scale{suffix[1] == '-' ? -exponent : exponent, 0};
}

// The number as `whole` + `fraction` / 10^kFractionDigits (+ something more).
struct Number {
  bool negative = false;
  Wide whole = 0;
  Wide fraction = 0;
  bool more = false;
  bool IsZero() const { return whole == 0 && fraction == 0 && !more; }
};

absl::string_view TakeDigits(absl::string_view* rest) {
  size_t n = 0;
  while (n < rest->size() && absl::ascii_isdigit((*rest)[n])) ++n;
  absl::string_view digits = rest->substr(0, n);
  rest->remove_prefix(n);
  return digits;
}

absl::StatusOr<Number> TakeNumber(const std::string& text,
                                  absl::string_view* rest) {
  Number number;
  if (!rest->empty() && ((*rest)[0] == '+' || (*rest)[0] == '-')) {
    number.negative = (*rest)[0] == '-';
    rest->remove_prefix(1);
  }
  absl::string_view whole = TakeDigits(rest);
  absl::string_view fraction;
  if (!rest->empty() && (*rest)[0] == '.') {
    rest->remove_prefix(1);
    fraction = TakeDigits(rest);
  }
  if (whole.empty() && fraction.empty()) return Malformed(text);
  for (char c : whole) {
    if (number.whole > (Wide{1} << 120)) return TooLarge(text);
    number.whole = number.whole * 10 + static_cast<Wide>(c - '0');
  }
  for (size_t i = 0; i < kFractionDigits; ++i) {
    Wide digit =
        i < fraction.size() ? static_cast<Wide>(fraction[i] - '0') : Wide{0};
    number.fraction = number.fraction * 10 + digit;
  }
  for (size_t i = kFractionDigits; i < fraction.size(); ++i) {
    if (fraction[i] != '0') number.more = true;
  }
  return number;
}

// 10^exponent, or nothing if it cannot matter because 128 bits are too few.
std::optional<Wide> PowerOfTen(int exponent) {
  if (exponent > 38) return std::nullopt;
  Wide power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

Wide DivideUp(Wide value, Wide divisor, bool more) {
  Wide result = value / divisor;
  if (value % divisor != 0 || more) ++result;
  return result;
}

// |number| × 10^decimal × 2^binary, rounded up; nothing on overflow.
std::optional<Wide> Apply(const Number& number, Scale scale) {
  if (number.IsZero()) return Wide{0};
  Wide fraction_unit = *PowerOfTen(kFractionDigits);
  if (scale.decimal < 0) {
    std::optional<Wide> divisor = PowerOfTen(-scale.decimal);
    if (!divisor) return Wide{1};  // tiny but not nothing
    return DivideUp(number.whole, *divisor,
                    number.fraction != 0 || number.more);
  }
  std::optional<Wide> power = PowerOfTen(scale.decimal);
  if (!power) return std::nullopt;
  Wide factor, whole, fraction, sum;
  if (__builtin_mul_overflow(*power, Wide{1} << scale.binary, &factor) ||
      __builtin_mul_overflow(number.whole, factor, &whole) ||
      __builtin_mul_overflow(number.fraction, factor, &fraction) ||
      __builtin_add_overflow(
          whole, DivideUp(fraction, fraction_unit, number.more), &sum)) {
    return std::nullopt;
  }
  return sum;
}

absl::StatusOr<int64_t> Parse(const std::string& text, int unit) {
  absl::string_view rest = text;
  ASSIGN_OR_RETURN(Number number, TakeNumber(text, &rest));
  std::optional<Scale> scale = ParseSuffix(rest);
  if (!scale) return Malformed(text);
  scale->decimal += unit;
  std::optional<Wide> value = Apply(number, *scale);
  if (!value || *value > static_cast<Wide>(std::numeric_limits<int64_t>::max()))
    return TooLarge(text);
  int64_t result = static_cast<int64_t>(*value);
  return number.negative ? -result : result;
}

}  // namespace

absl::StatusOr<int64_t> QuantityMilli(const std::string& quantity) {
  return Parse(quantity, 3);
}

absl::StatusOr<int64_t> QuantityBytes(const std::string& quantity) {
  return Parse(quantity, 0);
}

}  // namespace agent::env
