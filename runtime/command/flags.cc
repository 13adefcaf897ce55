// SPDX-License-Identifier: Apache-2.0
#include "runtime/command/flags.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace runtime::command {

Flags::Flags(std::string usage, std::string about)
    : usage_(std::move(usage)), about_(std::move(about)) {}

void Flags::Bool(const char* name, char letter, bool* value, const char* help) {
  Flag flag = {name, letter, nullptr, help};
  flag.switch_value = value;
  flags_.push_back(flag);
}

void Flags::String(const char* name, char letter, std::string* value,
                   const char* argument, const char* help) {
  Flag flag = {name, letter, argument, help};
  flag.text = value;
  flags_.push_back(flag);
}

void Flags::List(const char* name, char letter,
                 std::vector<std::string>* values, const char* argument,
                 const char* help) {
  Flag flag = {name, letter, argument, help};
  flag.list = values;
  flags_.push_back(flag);
}

const Flags::Flag* Flags::Find(const std::string& word) const {
  for (const Flag& flag : flags_) {
    if (word == absl::StrCat("--", flag.name) ||
        (flag.letter != 0 && word.size() == 2 && word[0] == '-' &&
         word[1] == flag.letter)) {
      return &flag;
    }
  }
  return nullptr;
}

absl::Status Flags::Parse(const std::vector<std::string>& words,
                          std::vector<std::string>* rest, bool* help) const {
  size_t i = 0;
  for (; i < words.size(); ++i) {
    std::string word = words[i];
    if (word.size() < 2 || word[0] != '-') break;
    if (word == "--") {
      ++i;
      break;
    }
    if (word == "--help" || word == "-h") {
      *help = true;
      continue;
    }
    size_t equals = word.find('=');
    bool inline_value = equals != std::string::npos;
    std::string value = inline_value ? word.substr(equals + 1) : "";
    if (inline_value) word.resize(equals);
    const Flag* flag = Find(word);
    if (flag == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("unknown flag ", word));
    }
    if (flag->switch_value != nullptr) {
      if (inline_value && value != "true" && value != "false") {
        return absl::InvalidArgumentError(
            absl::StrCat(word, ": expected true or false"));
      }
      *flag->switch_value = value != "false";
      continue;
    }
    if (!inline_value) {
      if (i + 1 >= words.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat(word, ": expected a value"));
      }
      value = words[++i];
    }
    if (flag->text != nullptr) *flag->text = value;
    if (flag->list != nullptr) flag->list->push_back(value);
  }
  rest->assign(words.begin() + static_cast<ptrdiff_t>(i), words.end());
  return absl::OkStatus();
}

std::string Flags::Help() const {
  std::string help =
      absl::StrCat("usage: coracle-oci ", usage_, "\n\n", about_, "\n");
  if (flags_.empty()) return help;
  absl::StrAppend(&help, "\n");
  for (const Flag& flag : flags_) {
    std::string left = "  ";
    if (flag.letter != 0) {
      absl::StrAppend(&left, "-", std::string(1, flag.letter), ", ");
    }
    absl::StrAppend(&left, "--", flag.name);
    if (flag.argument != nullptr) absl::StrAppend(&left, " ", flag.argument);
    if (left.size() < 28) left.resize(28, ' ');
    absl::StrAppend(&help, left, "  ", flag.help, "\n");
  }
  return help;
}

}  // namespace runtime::command
