# Every header compiles alone, and twice in one unit, without a warning. What only the dispatch unit
# may include (-inl.hpp, impl.hpp) is left out.
get_target_property(eigen_dirs Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
list(TRANSFORM eigen_dirs PREPEND "-isystem")
set(header_dirs ${eigen_dirs})
# Those of ctgpt::data and ctgpt::serve.
foreach(module zlib zstd curl xml2 re2 utf8proc httplib openssl sqlite prometheus)
  list(TRANSFORM ctgpt_module_${module}_INCLUDE_DIRS PREPEND "-isystem" OUTPUT_VARIABLE dirs)
  list(APPEND header_dirs ${dirs} ${ctgpt_module_${module}_CFLAGS_OTHER})
endforeach()
list(REMOVE_DUPLICATES header_dirs)
foreach(header ${headers})
  file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}/include" "${header}")
  if(name MATCHES "-inl\\.hpp$|/impl\\.hpp$")
    continue()
  endif()
  add_test(NAME "headers: ${name} compiles alone"
           COMMAND "${CMAKE_CXX_COMPILER}" -std=c++20 -fsyntax-only ${ctgpt_warnings}
                   "-I${PROJECT_SOURCE_DIR}/include" ${header_dirs}
                   -include "${name}" -include "${name}" -x c++ /dev/null)
  set_tests_properties("headers: ${name} compiles alone" PROPERTIES TIMEOUT 120 LABELS headers)
endforeach()
