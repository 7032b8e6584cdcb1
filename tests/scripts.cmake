# The scripts that people call: they explain themselves, refuse what they do not know, and are
# clean.
foreach(script examples/quickstart.sh tests/run.sh tests/full.sh)
  add_test(NAME "scripts: ${script} explains itself"
           COMMAND bash "${PROJECT_SOURCE_DIR}/${script}" --help)
  add_test(NAME "scripts: ${script} refuses an unknown flag"
           COMMAND bash "${PROJECT_SOURCE_DIR}/${script}" --no-such-flag)
  set_tests_properties("scripts: ${script} explains itself" PROPERTIES
                       PASS_REGULAR_EXPRESSION "Usage: ${script}" TIMEOUT 30 LABELS scripts)
  set_tests_properties("scripts: ${script} refuses an unknown flag" PROPERTIES
                       PASS_REGULAR_EXPRESSION "unknown flag --no-such-flag" TIMEOUT 30
                       LABELS scripts)
endforeach()

find_program(CTGPT_SHELLCHECK shellcheck)
mark_as_advanced(CTGPT_SHELLCHECK)
if(CTGPT_SHELLCHECK)
  file(GLOB_RECURSE scripts CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/*.sh"
       "${PROJECT_SOURCE_DIR}/examples/*.sh" "${PROJECT_SOURCE_DIR}/cmake/*.sh")
  add_test(NAME "scripts: shellcheck finds nothing"
           COMMAND "${CTGPT_SHELLCHECK}" --external-sources --source-path=SCRIPTDIR ${scripts})
  set_tests_properties("scripts: shellcheck finds nothing" PROPERTIES TIMEOUT 120 LABELS scripts)
endif()
