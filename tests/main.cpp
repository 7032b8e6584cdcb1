// The main of every test program: doctest's, and a reporter that lists the test cases in the
// language of CTest, so that each is a CTest entry with a time of its own.
//
//   test_io --list-test-cases --reporters=ctest --out=FILE
//
// CTEST_SETTINGS in the environment (properties in CTest's language) is appended to each entry's
// own.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>

namespace {

// A CTest argument that nothing inside can end: [==[text]==].
std::string quoted(const std::string& text) { return "[==[" + text + "]==]"; }

// doctest splits its filters at commas.
std::string as_filter(const std::string& name) {
  std::string filter;
  for (const char letter : name) {
    if (letter == ',' || letter == '\\') filter += '\\';
    filter += letter;
  }
  return filter;
}

class ctest_reporter : public doctest::IReporter {
 public:
  explicit ctest_reporter(const doctest::ContextOptions& options) : options_(options) {}

  void report_query(const doctest::QueryData& query) override {
    const char* settings = std::getenv("CTEST_SETTINGS");
    for (unsigned i = 0; i < query.num_data; ++i) list(*query.data[i], settings ? settings : "");
  }

  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  void list(const doctest::TestCaseData& test, const std::string& settings) {
    const std::filesystem::path file = test.m_file.c_str();
    const std::string room = file.parent_path().filename().string();
    const std::string place = room + "/" + file.filename().string();
    std::string name = test.m_name;
    const std::string stem = file.stem().string() + ": ";
    if (name.rfind(stem, 0) != 0) name.insert(0, stem);
    name.insert(0, room + "/");
    *options_.cout << "add_test(" << quoted(name) << ' '
                   << quoted(std::filesystem::absolute(options_.binary_name.c_str()).string())
                   << ' ' << quoted("--test-case=" + as_filter(test.m_name)) << ' '
                   << quoted("--source-file=*" + as_filter(place)) << ")\n"
                   << "set_tests_properties(" << quoted(name) << " PROPERTIES LABELS "
                   << quoted(room + ";" + test.m_test_suite) << ' ' << settings;
    if (test.m_timeout > 0.0) *options_.cout << " TIMEOUT " << test.m_timeout;
    // A filter that matches nothing must not pass for a test that did.
    *options_.cout << " FAIL_REGULAR_EXPRESSION [==[test cases: +0 ]==])\n";
  }

  const doctest::ContextOptions& options_;
};

}  // namespace

REGISTER_REPORTER("ctest", 1, ctest_reporter);
