# Settings of our own build. None of them reaches a program that uses the library as a subproject.

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
  endif()
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")  # -O3 doubles the compile time and gains nothing
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  find_program(CTGPT_CCACHE ccache)
  mark_as_advanced(CTGPT_CCACHE)
  if(CTGPT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CTGPT_CCACHE}")
  endif()
endif()

if(CTGPT_SANITIZE)
  if(NOT CTGPT_SANITIZE MATCHES "^(address|undefined|thread)(,(address|undefined))*$")
    message(FATAL_ERROR "CTGPT_SANITIZE is '${CTGPT_SANITIZE}': give address, undefined, thread, "
                        "or address,undefined")
  endif()
  add_compile_options(-fsanitize=${CTGPT_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${CTGPT_SANITIZE})
endif()

# The warnings of our own code. They are errors where the tests are built, with the compilers that
# the project is developed on: a newer one may know more warnings, and that must not stop a build.
set(ctgpt_warnings -Wall -Wextra -Wpedantic -Wconversion)
string(REGEX MATCH "^[0-9]+" ctgpt_compiler "${CMAKE_CXX_COMPILER_VERSION}")
string(PREPEND ctgpt_compiler "${CMAKE_CXX_COMPILER_ID} ")
if(ctgpt_compiler STREQUAL "GNU 12")
  # It sees an overlap in "text" + std::string that is none (its bug 105651).
  list(APPEND ctgpt_warnings -Wno-restrict)
endif()
if(CTGPT_BUILD_TESTS AND ctgpt_compiler MATCHES "^(GNU 12|Clang 14)$")
  list(APPEND ctgpt_warnings -Werror)
endif()

# ctgpt_own(<target>): the target is compiled from our own sources, so its warnings are ours to
# mend.
function(ctgpt_own target)
  if(PROJECT_IS_TOP_LEVEL AND NOT MSVC)
    target_compile_options(${target} PRIVATE ${ctgpt_warnings})
  endif()
endfunction()
