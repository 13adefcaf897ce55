# SPDX-License-Identifier: Apache-2.0
# Puts the macros of <csignal> aside while the generated header HEADER is read:
# an enumerator called SIGKILL cannot be declared where SIGKILL is 9.
file(READ ${HEADER} text)
string(REGEX MATCHALL "SIG[A-Z0-9]+" names "${text}")
list(REMOVE_DUPLICATES names)
set(before "")
set(after "")
foreach(name ${names})
  string(APPEND before "#pragma push_macro(\"${name}\")\n#undef ${name}\n")
  string(APPEND after "#pragma pop_macro(\"${name}\")\n")
endforeach()
# Before the first declaration of the package, behind every #include.
string(FIND "${text}" "\nnamespace runtime {" start)
if(start EQUAL -1)
  message(FATAL_ERROR "${HEADER}: no namespace runtime")
endif()
string(SUBSTRING "${text}" 0 ${start} head)
string(SUBSTRING "${text}" ${start} -1 body)
string(FIND "${body}" "#include <google/protobuf/port_undef.inc>" end REVERSE)
string(SUBSTRING "${body}" 0 ${end} middle)
string(SUBSTRING "${body}" ${end} -1 tail)
file(WRITE ${HEADER} "${head}\n${before}${middle}${after}${tail}")
