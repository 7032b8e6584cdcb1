# Fetches a library that this machine lacks, at one commit: git checks every byte against its hash.
#
# ctgpt_fetch(<package> <result>)
# <result> is TRUE when the library's target exists afterwards. Off with -DCTGPT_FETCH=OFF. A copy
# on disk is used with -DFETCHCONTENT_SOURCE_DIR_CTGPT_<PACKAGE>=<folder>, as FetchContent says.
include(FetchContent)

option(CTGPT_FETCH "Fetch libraries that are not installed, each at a pinned commit" ON)

# Versions that the code is known to work with: those of Debian 12 or Ubuntu 24.04.
set(ctgpt_repository_eigen3 https://gitlab.com/libeigen/eigen.git)
set(ctgpt_commit_eigen3 3147391d946bb4b6c68edd901f2add6ac1f31f8c)  # 3.4.0
set(ctgpt_repository_hwy https://github.com/google/highway.git)
set(ctgpt_commit_hwy ba0900a4957b929390ab73827235557959234fea)  # 1.0.7
set(ctgpt_repository_cli11 https://github.com/CLIUtils/CLI11.git)
set(ctgpt_commit_cli11 291c58789c031208f08f4f261a858b5b7083e8e2)  # 2.3.2
set(ctgpt_repository_tomlplusplus https://github.com/marzer/tomlplusplus.git)
set(ctgpt_commit_tomlplusplus c635f218c0aefc801d9748841930365e54fe3089)  # 3.3.0
set(ctgpt_repository_doctest https://github.com/doctest/doctest.git)
set(ctgpt_commit_doctest b7c21ec5ceeadb4951b00396fc1e4642dd347e5f)  # 2.4.9
set(ctgpt_repository_benchmark https://github.com/google/benchmark.git)
set(ctgpt_commit_benchmark d572f4777349d43653b21d6c2fc63020ab326db2)  # 1.7.1

# A header-only library: its own project, with tests and installation, is left alone.
macro(ctgpt_fetch_headers target name folder)
  FetchContent_MakeAvailable(${name})
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} SYSTEM INTERFACE "${${name}_SOURCE_DIR}${folder}")
endmacro()

function(ctgpt_fetch package result)
  set(${result} FALSE PARENT_SCOPE)
  string(TOLOWER "${package}" key)
  string(TOUPPER "ctgpt_${package}" upper)
  set(name ctgpt_${key})
  if(NOT CTGPT_FETCH)
    return()
  endif()
  if(NOT FETCHCONTENT_SOURCE_DIR_${upper} AND NOT FETCHCONTENT_FULLY_DISCONNECTED)
    find_package(Git QUIET)
    if(NOT Git_FOUND)
      return()
    endif()
    set(ENV{GIT_TERMINAL_PROMPT} 0)
    execute_process(COMMAND "${GIT_EXECUTABLE}" ls-remote --exit-code "${ctgpt_repository_${key}}"
                            HEAD RESULT_VARIABLE unreachable OUTPUT_QUIET ERROR_QUIET TIMEOUT 30)
    if(unreachable)
      return()
    endif()
    message(STATUS "${package} is not installed: fetching ${ctgpt_repository_${key}}")
  endif()

  set(subdirectory SOURCE_SUBDIR no_project)
  if(key MATCHES "^(hwy|benchmark)$")  # those that are compiled
    set(subdirectory "")
  endif()
  FetchContent_Declare(${name} GIT_REPOSITORY "${ctgpt_repository_${key}}"
                       GIT_TAG ${ctgpt_commit_${key}} ${subdirectory})
  set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)  # options of subprojects obey variables
  set(CMAKE_WARN_DEPRECATED OFF)
  set(BUILD_SHARED_LIBS OFF)
  if(key STREQUAL "eigen3")
    ctgpt_fetch_headers(Eigen3::Eigen ${name} "")
  elseif(key STREQUAL "cli11")
    ctgpt_fetch_headers(CLI11::CLI11 ${name} "/include")
  elseif(key STREQUAL "tomlplusplus")
    ctgpt_fetch_headers(tomlplusplus::tomlplusplus ${name} "/include")
  elseif(key STREQUAL "doctest")
    ctgpt_fetch_headers(doctest::doctest ${name} "")
  else()
    foreach(off BUILD_TESTING HWY_ENABLE_CONTRIB HWY_ENABLE_EXAMPLES HWY_ENABLE_INSTALL
                HWY_ENABLE_TESTS BENCHMARK_ENABLE_TESTING BENCHMARK_ENABLE_INSTALL
                BENCHMARK_ENABLE_WERROR)
      set(${off} OFF)
    endforeach()
    FetchContent_MakeAvailable(${name})
    foreach(built hwy benchmark)
      if(TARGET ${built} AND NOT TARGET ${built}::${built})
        add_library(${built}::${built} ALIAS ${built})
      endif()
    endforeach()
  endif()
  set_property(GLOBAL APPEND PROPERTY ctgpt_fetched "${package}")
  set(${result} TRUE PARENT_SCOPE)
endfunction()
