# Settings of our own build. None of them reaches a program that uses the library as a subproject.

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
  endif()
  set(CMAKE_CXX_EXTENSIONS OFF)
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

# ctgpt_own(<target>): the target is compiled from our own sources, so its warnings are ours to
# mend. They are errors only where the tests are built: a user's newer compiler may know more
# warnings.
function(ctgpt_own target)
  if(NOT PROJECT_IS_TOP_LEVEL OR MSVC)
    return()
  endif()
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # g++ 12 sees an overlap in "text" + std::string that is none (its bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(CTGPT_BUILD_TESTS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
