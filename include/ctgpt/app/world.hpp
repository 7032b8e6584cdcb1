// world: the verb `data world`, which writes the embedded corpus to a file.
//
// Errors: usage_error for sizes out of range; those of writing a file.
#pragma once

#include <cstdio>

#include "ctgpt/app/print.hpp"
#include "ctgpt/app/verbs.hpp"
#include "ctgpt/data/world.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

int world_command(const world_flags& given) {
  if (!given.out) throw usage_error("say where the text goes by --out FILE");
  const std::uint64_t seed = given.seed.value_or(1);
  atomic_file file(*given.out);  // before the work, so that a bad place is said at once
  const std::string text =
      data::world({.bytes = given.bytes.value_or(isize{1} << 23), .seed = seed});
  file.file().write(text);
  file.commit();
  std::fprintf(stderr, "Wrote %s bytes of the world of seed %llu to %s\n",
               grouped(static_cast<long long>(text.size())).c_str(),
               static_cast<unsigned long long>(seed), given.out->c_str());
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
