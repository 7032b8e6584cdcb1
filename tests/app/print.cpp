// print: numbers and words as people read and paste them.
#include "ctgpt/app/print.hpp"

#include <doctest/doctest.h>

using namespace ctgpt::app;

TEST_CASE("print: digits come in groups of three") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(124439808) == "124,439,808");
  CHECK(grouped(-1234567) == "-1,234,567");
  CHECK(grouped(-999) == "-999");
}

TEST_CASE("print: bytes have the unit that fits") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(999) == "999 B");
  CHECK(bytes_text(1000) == "1.0 KB");
  CHECK(bytes_text(497759232) == "497.8 MB");
  CHECK(bytes_text(2.5e12) == "2.5 TB");
}

TEST_CASE("print: a quoted word is one word of a shell, whatever it holds") {
  CHECK(shell_quoted("runs/a-1_b.c") == "runs/a-1_b.c");
  CHECK(shell_quoted("") == "''");
  CHECK(shell_quoted("my run") == "'my run'");
  CHECK(shell_quoted("it's") == "'it'\\''s'");
  CHECK(shell_quoted("$HOME") == "'$HOME'");
}
