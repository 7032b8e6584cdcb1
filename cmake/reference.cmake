# The target api_reference: <build>/api_reference/html/index.html, from the headers' comments and
# the guides. It is there where doxygen 1.9.2 or newer is; a warning fails it.
find_package(Doxygen 1.9.2 QUIET)
find_program(CTGPT_AWK awk)
mark_as_advanced(CTGPT_AWK)
if(NOT DOXYGEN_FOUND OR NOT CTGPT_AWK)
  return()
endif()

set(reference_folder "${PROJECT_BINARY_DIR}/api_reference")
set(reference_pages README.md CONTRIBUTING.md examples/README.md)
list(TRANSFORM reference_pages PREPEND "\"${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE reference_inputs)
list(TRANSFORM reference_inputs APPEND "\"")
string(REPLACE ";" " " reference_inputs "${reference_inputs}")
file(GLOB_RECURSE guides CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
     "${PROJECT_SOURCE_DIR}/include/*.md")
string(REPLACE ";" " " reference_pages "${reference_pages};${guides}")
set(reference_filter "${PROJECT_BINARY_DIR}/api_reference_filter.sh")
file(CONFIGURE OUTPUT "${reference_filter}" @ONLY CONTENT
     "exec '@CTGPT_AWK@' -v 'top=@PROJECT_SOURCE_DIR@' -v 'pages= @reference_pages@ ' \\
  -f '@PROJECT_SOURCE_DIR@/cmake/reference/filter.awk' \"$1\"\n")
set(reference_filter "bash ${reference_filter}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/Doxyfile.in" "${PROJECT_BINARY_DIR}/Doxyfile" @ONLY)

add_custom_target(api_reference VERBATIM
  COMMAND "${CMAKE_COMMAND}" -E rm -rf "${reference_folder}"
  COMMAND "${CMAKE_COMMAND}" -E make_directory "${reference_folder}"
  COMMAND "${DOXYGEN_EXECUTABLE}" "${PROJECT_BINARY_DIR}/Doxyfile"
  COMMENT "The API reference: ${reference_folder}/html/index.html")
