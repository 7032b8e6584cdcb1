#include "ctgpt/base/directory.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/child.hpp"
#include "base/temporary.hpp"

using namespace ctgpt;
using ctgpt_test::in_child;
using ctgpt_test::names;
using ctgpt_test::sentence_of;
using ctgpt_test::temporary_directory;

namespace {

bool exists(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

// In a child: a file system of 64 KiB at `path`, which nobody else sees; false without the right
// to.
bool mount_small_disk(const std::string& path) {
  const std::string user = std::to_string(::geteuid()), group = std::to_string(::getegid());
  if (::unshare(CLONE_NEWNS) != 0) {
    // Not root: a user namespace of our own, in which we are.
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    const auto tell = [](const char* file, const std::string& text) {
      const file_descriptor open = try_open(file, O_WRONLY);
      return ::write(open.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    };
    if (!tell("/proc/self/setgroups", "deny") || !tell("/proc/self/uid_map", "0 " + user + " 1") ||
        !tell("/proc/self/gid_map", "0 " + group + " 1")) {
      return false;
    }
  }
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=64k") == 0;
}

}  // namespace

TEST_CASE("directory: an atomic directory appears whole at commit and not before") {
  const temporary_directory root;
  {
    atomic_directory step(root.file("step-1/"));
    write_file_atomic(step.file("config.json"), "{}");
    create_directories(step.file("inner/deep"));
    write_file_atomic(step.file("inner/deep/data"), "1");
    CHECK_FALSE(exists(root.file("step-1")));
    CHECK(root.names() == names{"step-1.tmp-" + std::to_string(::getpid())});
    step.commit();
  }
  CHECK(root.names() == names{"step-1"});
  CHECK(read_file(root.file("step-1/config.json")) == "{}");
  CHECK(read_file(root.file("step-1/inner/deep/data")) == "1");
}

TEST_CASE("directory: an atomic directory that is not committed vanishes") {
  const temporary_directory root;
  {
    atomic_directory step(root.file("step-1"));
    create_directories(step.file("inner"));
    write_file_atomic(step.file("inner/data"), "1");
  }
  CHECK(root.names().empty());
}

TEST_CASE("directory: an atomic directory replaces nothing, early or late") {
  const temporary_directory root;
  create_directories(root.file("there"));
  CHECK(sentence_of([&] { atomic_directory{root.file("there")}; }) ==
        "cannot create " + root.file("there") + ": File exists");
  {
    atomic_directory late(root.file("late"));
    // rename() would replace an empty directory.
    create_directories(root.file("late"));
    CHECK(sentence_of([&] { late.commit(); }) ==
          "cannot create " + root.file("late") + ": File exists");
  }
  CHECK(root.names() == names{"late", "there"});
  CHECK(sentence_of([&] { atomic_directory{root.file("none/step-1")}; }) ==
        "cannot create the directory " + root.file("none/step-1") + ": No such file or directory");
}

TEST_CASE("directory: a link is swapped in one step and stays relative") {
  const temporary_directory root;
  create_directories(root.file("step-1"));
  create_directories(root.file("step-2"));
  point_symlink(root.path(), "last", "step-1");
  CHECK(symlink_target(root.file("last")) == "step-1");
  point_symlink(root.path(), "last", "step-2");
  CHECK(symlink_target(root.file("last")) == "step-2");
  CHECK(root.names() == names{"last", "step-1", "step-2"});
  CHECK(symlink_target(root.file("step-1")).empty());
  CHECK(symlink_target(root.file("none")).empty());
  const std::string far = std::string(1000, 'd') + "/end";
  point_symlink(root.path(), "far", far);
  CHECK(symlink_target(root.file("far")) == far);
  // A directory under the link's name is refused and stays.
  CHECK(sentence_of([&] { point_symlink(root.path(), "step-1", "step-2"); }) ==
        "cannot create the link " + root.file("step-1") + ": Is a directory");
  CHECK(root.names() == names{"far", "last", "step-1", "step-2"});
}

TEST_CASE("directory: a reader of a link that is being swapped always finds a target") {
  const temporary_directory root;
  for (const char* name : {"step-1", "step-2"}) {
    create_directories(root.file(name));
    write_file_atomic(root.file(std::string(name) + "/name"), name);
  }
  point_symlink(root.path(), "last", "step-1");
  const pid_t swapper = ::fork();
  REQUIRE(swapper >= 0);
  if (swapper == 0) {
    for (int i = 0;; ++i) point_symlink(root.path(), "last", i % 2 == 0 ? "step-2" : "step-1");
  }
  for (int i = 0; i < 500; ++i) {
    const std::string name = read_file(root.file("last/name"));
    REQUIRE((name == "step-1" || name == "step-2"));
  }
  ::kill(swapper, SIGKILL);
  REQUIRE(::waitpid(swapper, nullptr, 0) == swapper);
}

TEST_CASE("directory: removing a tree never follows links out of it") {
  const temporary_directory root;
  create_directories(root.file("keep"));
  write_file_atomic(root.file("keep/data"), "1");
  create_directories(root.file("step-1/a/b/c"));
  write_file_atomic(root.file("step-1/a/b/c/data"), "2");
  REQUIRE(::symlink("../keep", root.file("step-1/link").c_str()) == 0);
  REQUIRE(::symlink("step-1", root.file("last").c_str()) == 0);
  CHECK(remove_tree(root.file("step-1/")));
  CHECK(root.names() == names{"keep", "last"});
  CHECK(read_file(root.file("keep/data")) == "1");
  CHECK_FALSE(remove_tree(root.file("step-1")));
  // A link or a file is no tree.
  CHECK(sentence_of([&] { remove_tree(root.file("last")); }) ==
        "cannot remove " + root.file("last") + ": Not a directory");
  CHECK(sentence_of([&] { remove_tree(root.file("keep/data")); }) ==
        "cannot remove " + root.file("keep/data") + ": Not a directory");
  for (const std::string path : {"", ".", "..", "/", "a/..", "a/."}) {
    CHECK(sentence_of([&] { remove_tree(path); }) ==
          "refusing to remove the directory '" + path + "': give it by its name");
  }
}

TEST_CASE("directory: what cannot be removed is named, and keeps no good name") {
  const temporary_directory root;
  create_directories(root.file("step-1/inner"));
  write_file_atomic(root.file("step-1/inner/data"), "1");
  const auto result = in_child([&] {
    if (::geteuid() == 0) {
      // Theirs to rename, but what is inside is not theirs to remove.
      expects(::chmod(root.path().c_str(), 0777) == 0, "chmod");
      expects(::setgid(65534) == 0 && ::setuid(65534) == 0, "still root");
    } else {
      expects(::chmod(root.file("step-1/inner").c_str(), 0555) == 0, "chmod");
    }
    remove_tree(root.file("step-1"));
    return std::string("removed");
  });
  CHECK(result.said.find("cannot remove ") == 0);
  CHECK(result.said.find("step-1") != std::string::npos);
  CHECK(result.said.find("/inner/data: Permission denied") != std::string::npos);
  CHECK_FALSE(exists(root.file("step-1")));
  for (const std::string& name : root.names()) {
    ::chmod((root.file(name) + "/inner").c_str(), 0755);
  }
}

TEST_CASE("directory: leftovers of killed processes are found by their names alone") {
  const temporary_directory root;
  const pid_t saver = ::fork();
  REQUIRE(saver >= 0);
  if (saver == 0) {
    atomic_directory step(root.file("step-2"));
    write_file_atomic(step.file("data"), "half");
    ::raise(SIGKILL);
  }
  REQUIRE(::waitpid(saver, nullptr, 0) == saver);
  CHECK(root.names() == names{"step-2.tmp-" + std::to_string(saver)});
  write_file_atomic(root.file("run.json.tmp-12-3"), "half");
  REQUIRE(::symlink("step-1", root.file("last.tmp-12").c_str()) == 0);
  const names good{"a.tmp-", "a.tmp-x", "notes.tmp", "step-1"};
  for (const std::string& name : good) create_directories(root.file(name));
  remove_leftovers(root.path());
  CHECK(root.names() == good);
}

TEST_CASE("directory: only directories are listed, sorted, links left out") {
  const temporary_directory root;
  for (const char* name : {"step-2", "step-10", "step-1"}) create_directories(root.file(name));
  write_file_atomic(root.file("file"), "");
  REQUIRE(::symlink("step-2", root.file("last").c_str()) == 0);
  CHECK(list_directories(root.path()) == names{"step-1", "step-10", "step-2"});
  CHECK(list_entries(root.path()).size() == 5);
  CHECK(sentence_of([&] { list_directories(root.file("none")); }) ==
        "cannot list the directory " + root.file("none") + ": No such file or directory");
  CHECK(sentence_of([&] { list_directories(root.file("file")); }) ==
        "cannot list the directory " + root.file("file") + ": Not a directory");
}

TEST_CASE("directory: parents are created, and what stands in the way is named") {
  const temporary_directory root;
  create_directories(root.file("a/b//c/"));
  create_directories(root.file("a/b/c"));
  CHECK(is_directory(root.file("a/b/c")));
  create_directories("/");
  write_file_atomic(root.file("a/file"), "");
  CHECK(sentence_of([&] { create_directories(root.file("a/file/b")); }) ==
        "cannot create the directory " + root.file("a/file") + ": Not a directory");
  const auto result = in_child([&] {
    expects(::chmod(root.path().c_str(), 0555) == 0, "chmod");
    if (::geteuid() == 0) expects(::setgid(65534) == 0 && ::setuid(65534) == 0, "still root");
    create_directories(root.file("a"));  // is there already: no right is needed
    create_directories(root.file("new"));
    return std::string("created");
  });
  ::chmod(root.path().c_str(), 0755);
  CHECK(result.said == "cannot create the directory " + root.file("new") + ": Permission denied");
}

TEST_CASE("directory: a full disk leaves what was there and nothing else") {
  const temporary_directory root;
  const auto result = in_child([&]() -> std::string {
    if (!mount_small_disk(root.path())) return "skipped";
    write_file_atomic(root.file("old"), "old");
    const std::string full = ": No space left on device; free some space or choose another place";
    const std::string large(100000, 'x');
    const std::string said = sentence_of([&] { write_file_atomic(root.file("old"), large); });
    if (said != "cannot write " + root.file("old") + full) return "write: " + said;
    {
      atomic_directory step(root.file("step-1"));
      const std::string again = sentence_of([&] { write_file_atomic(step.file("data"), large); });
      if (again != "cannot write " + step.file("data") + full) return "directory: " + again;
    }
    if (read_file(root.file("old")) != "old" || root.names() != names{"old"}) return "litter";
    write_file_atomic(root.file("old"), std::string(30000, 'x'));  // there is room for this again
    return root.names() == names{"old"} ? "as it should be" : "litter after";
  });
  if (result.said == "skipped") {
    MESSAGE("left out: mounting a small disk needs rights that this process lacks");
    return;
  }
  CHECK(result.said == "as it should be");
}
