// A disk that is full, a file that may not grow, a directory that may not be written: one sentence,
// and the checkpoints from before are still there and good.
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "app/runs.hpp"

using namespace ctgpt_test;

namespace {

// Root ignores permissions; a child can give that right up, unless it may not even do that.
constexpr int may_not = 77;
void obey_permissions() {
  constexpr int dac_override = 1, dac_read_search = 2;  // linux/capability.h
  if (::geteuid() != 0) return;
  if (::prctl(PR_CAPBSET_DROP, dac_override) != 0 ||
      ::prctl(PR_CAPBSET_DROP, dac_read_search) != 0) {
    ::_exit(may_not);
  }
}

void small_files() {
  const rlimit limit{1'000'000, 1'000'000};  // a model of this preset has 2.4 MB
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

// Writes a file until the disk is full, and then gives back `room` bytes.
void fill_disk(const std::string& path, std::size_t room) {
  std::FILE* filler = std::fopen(path.c_str(), "wb");
  REQUIRE(filler != nullptr);
  const std::string block(4096, 'x');
  while (std::fwrite(block.data(), 1, block.size(), filler) == block.size()) {
  }
  std::fclose(filler);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - room);
}

class small_disk {
 public:
  small_disk(const std::string& path, const char* size) : path_(path) {
    std::filesystem::create_directory(path);
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, size) == 0;
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_;
};

void check_no_leftovers(const std::string& run) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(run)) {
    CHECK_FALSE(contains(entry.path().filename().string(), ".tmp-"));
  }
}

}  // namespace

TEST_CASE("disk: a file that may not grow is one sentence, and the run goes on afterwards") {
  const playground here;
  const std::string whole = here.trained("whole", {"--steps", "9", "--eval-every", "3"});
  const outcome first = result_of(here.small("first", {"--steps", "9"}), {.before = small_files});
  CHECK(contains(sentence(first, 1), "model.safetensors: File too large"));
  CHECK(steps_of(here.file("first")).empty());
  check_no_leftovers(here.file("first"));
  // With checkpoints from before.
  const std::string run = here.trained("run", {"--steps", "9", "--eval-every", "3", "--keep", "9"});
  for (const char* name : {"/step-9", "/last", "/best"}) std::filesystem::remove_all(run + name);
  const std::string six = contents(run + "/step-6/model.safetensors");
  CHECK(contains(sentence(result_of(resume(run), {.before = small_files}), 1), "File too large"));
  CHECK(steps_of(run) == std::vector<int>{3, 6});
  CHECK((contents(run + "/step-6/model.safetensors") == six));
  CHECK(output_of({"sample", "-m", run, "-n", "3"}).size() == 5);
  check_no_leftovers(run);
  output_of(resume(run));
  check_same_runs(whole, run);
  const words world{"data", "world", "--bytes", "2000000", "--out", here.file("large.txt")};
  CHECK(contains(sentence(result_of(world, {.before = small_files}), 1), "File too large"));
  CHECK_FALSE(std::filesystem::exists(here.file("large.txt")));
}

TEST_CASE("disk: a full disk is one sentence, and the run goes on when there is room") {
  const playground here;
  const small_disk disk(here.file("disk"), "size=20m");
  if (!disk.mounted()) {
    MESSAGE("no right to mount a small disk here: not tested");
    return;
  }
  const words three{"--steps", "3", "--eval-every", "3"}, six{"--steps", "6"};
  const std::string whole = here.trained("whole", three);
  output_of(resume(whole, six));
  const std::string run = here.trained("disk/run", three);
  fill_disk(here.file("disk/filler"), 1'000'000);
  CHECK(contains(sentence(result_of(resume(run, six)), 1), "No space left on device"));
  CHECK(steps_of(run) == std::vector<int>{3});
  CHECK(output_of({"sample", "-m", run, "-n", "3"}).size() == 5);
  check_no_leftovers(run);
  std::filesystem::remove(here.file("disk/filler"));
  output_of(resume(run));
  check_same_runs(whole, run);
  // Not even run.json fits.
  fill_disk(here.file("disk/filler"), 0);
  const words other = here.small("disk/other", three);
  CHECK(contains(sentence(result_of(other), 1), "No space left on device"));
}

TEST_CASE("disk: a directory that may not be written, a file that may not be read") {
  const playground here;
  const std::string run = here.trained("run");
  const std::string closed = here.file("closed");
  std::filesystem::create_directory(closed);
  std::filesystem::permissions(closed, std::filesystem::perms(0555));
  if (running({}, {.before = obey_permissions}, "/bin/true").wait().code == may_not) {
    MESSAGE("root cannot give up its rights here: not tested");
    return;
  }
  const auto said = [&](const words& arguments) {
    return sentence(result_of(arguments, {.before = obey_permissions}), 1);
  };
  CHECK(contains(said(here.small("closed/run", {"--steps", "3"})), "Permission denied"));
  CHECK(contains(said(here.small("closed", {"--steps", "3"})), "Permission denied"));
  CHECK(contains(said({"data", "world", "--out", closed + "/w.txt"}), "Permission denied"));
  CHECK(std::filesystem::is_empty(closed));
  // A run whose directory was closed since.
  std::filesystem::permissions(run, std::filesystem::perms(0555));
  CHECK(contains(said(resume(run, {"--steps", "8"})), "Permission denied"));
  CHECK(output_of({"sample", "-m", run, "-n", "3"}).size() == 5);
  std::filesystem::permissions(run, std::filesystem::perms(0755));
  const std::string data = here.file("secret.txt");
  ctgpt::write_file_atomic(data, contents(here.data()));
  std::filesystem::permissions(data, std::filesystem::perms(0));
  CHECK(contains(said(here.small("x", {"--data", data})),
                 "cannot read " + data + ": Permission denied"));
  CHECK_FALSE(std::filesystem::exists(here.file("x")));
  CHECK(output_of(resume(run, {"--steps", "8"})).empty());
}
