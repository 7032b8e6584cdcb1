# The API reference builds without a warning (cmake/reference.cmake), where doxygen is there.
if(TARGET api_reference)
  add_test(NAME "reference: every page, without a warning"
           COMMAND bash "${CMAKE_CURRENT_SOURCE_DIR}/support/check_reference.sh"
                   "${DOXYGEN_EXECUTABLE}" "${PROJECT_BINARY_DIR}/Doxyfile"
                   "${CMAKE_CURRENT_BINARY_DIR}/api_reference")
  set_tests_properties("reference: every page, without a warning" PROPERTIES
                       TIMEOUT 300 LABELS reference)
endif()
