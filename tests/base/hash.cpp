#include "ctgpt/base/hash.hpp"

#include <doctest/doctest.h>

#include "base/child.hpp"
#include "base/temporary.hpp"

using namespace ctgpt;

namespace {

constexpr bool empty_message_at_compile_time() {
  sha256 hash;
  hash.update(std::string_view());
  const sha256::digest digest = hash.finish();
  return digest[0] == 0xe3 && digest[1] == 0xb0 && digest[31] == 0x55;
}
static_assert(empty_message_at_compile_time());

}  // namespace

TEST_CASE("hash: SHA-256 gives the examples of FIPS 180 and of NIST's validation suite") {
  CHECK(empty_message_at_compile_time());
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(
      sha256_hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopq"
                 "klmnopqrlmnopqrsmnopqrstnopqrstu") ==
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  CHECK(sha256_hex("\xd3") == "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
  CHECK(sha256_hex(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("hash: any cutting of the message gives the same hash, around every block boundary") {
  std::string message;
  for (int i = 0; i < 200; ++i) message += static_cast<char>(i * 37);
  for (std::size_t length = 0; length <= message.size(); ++length) {
    const std::string_view text = std::string_view(message).substr(0, length);
    const std::string expected = sha256_hex(text);
    for (const std::size_t cut : {std::size_t{0}, length / 3, length}) {
      sha256 hash;
      hash.update(text.substr(0, cut));
      hash.update(text.substr(cut));
      CHECK(to_hex(hash.finish()) == expected);
    }
    sha256 by_one;
    for (const char byte : text) by_one.update(std::string_view(&byte, 1));
    CHECK(to_hex(by_one.finish()) == expected);
  }
}

TEST_CASE("hash: messages of 55, 56, 63, 64 and 65 bytes, where the padding changes its shape") {
  // sha256sum of that many letters a.
  CHECK(sha256_hex(std::string(55, 'a')) ==
        "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  CHECK(sha256_hex(std::string(56, 'a')) ==
        "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  CHECK(sha256_hex(std::string(63, 'a')) ==
        "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34");
  CHECK(sha256_hex(std::string(64, 'a')) ==
        "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
  CHECK(sha256_hex(std::string(65, 'a')) ==
        "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0");
}

TEST_CASE("hash: a file has the hash of its bytes, also when it is longer than a piece") {
  const ctgpt_test::temporary_directory directory;
  const std::string contents(3 * (std::size_t{1} << 20) + 17, 'x');
  write_file_atomic(directory.file("long"), contents);
  CHECK(sha256_file(directory.file("long")) == sha256_hex(contents));
  write_file_atomic(directory.file("empty"), "");
  CHECK(sha256_file(directory.file("empty")) == sha256_hex(""));
  CHECK(ctgpt_test::sentence_of([&] { sha256_file(directory.file("none")); }) ==
        "cannot read " + directory.file("none") + ": No such file or directory");
  CHECK(ctgpt_test::sentence_of([&] { sha256_file(directory.path()); }) ==
        "cannot read " + directory.path() + ": Is a directory");
}
