// llm.c's own data loader reads the shards: compiled from the checkout of llm.c that CTGPT_LLMC
// names; left out where there is none.
#include <cstdlib>

#include "ctgpt/data/sharder.hpp"
#include "ctgpt/data/world.hpp"
#include "data/token_data.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

constexpr const char* program = R"(#include "llmc/dataloader.h"
int main(int count, char** words) {
  DataLoader loader;
  dataloader_init(&loader, words[1], 2, 16, atoi(words[2]), atoi(words[3]), 0);
  printf("%zu\n", loader.num_tokens);
  for (int batch = 0; batch < 40; ++batch) {
    dataloader_next_batch(&loader);
    for (int i = 0; i < 32; ++i) printf("%d %d\n", loader.inputs[i], loader.targets[i]);
  }
  dataloader_free(&loader);
  return count == 4 ? 0 : 1;
}
)";

// The numbers that a command prints.
std::vector<isize> numbers_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::vector<isize> found;
  for (long long value; std::fscanf(pipe, "%lld", &value) == 1;) found.push_back(value);
  CHECK(::pclose(pipe) == 0);
  return found;
}

}  // namespace

TEST_CASE("llmc: llm.c's own loader counts and reads every token, on one rank and on two") {
  const char* llmc = std::getenv("CTGPT_LLMC");
  if (llmc == nullptr || !is_file(std::string(llmc) + "/llmc/dataloader.h")) {
    MESSAGE("left out: CTGPT_LLMC names no checkout of karpathy/llm.c");
    return;
  }
  const temporary_directory here;
  const std::string shards = here.file("shards"), source = here.file("read.c");
  create_directories(shards);
  token_set_writer out(shards, {.format = token_format::llmc,
                                .vocab = 256,
                                .end_of_text = 0,
                                .name = "world",
                                .shard = 500});
  sharder cut(out, text::bytes{}, 0.1);
  const std::string text = world({.bytes = 20000, .seed = 1});
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\n\n", at), text.size() - 2) + 2;
    cut.add({.text = text.substr(at, end - at)});
    at = end;
  }
  const isize tokens = out.tokens(split::train);
  out.finish();
  // Its loader asks that the last shard has a batch too.
  const isize last = tokens % 500;
  REQUIRE((last == 0 || last > 64));
  write_file_atomic(source, program);
  const std::string binary = here.file("read");
  REQUIRE(std::system(join("cc -w -O1 -I'", llmc, "' -o ", binary, " ", source, " -lm").c_str()) ==
          0);
  const token_set set = token_set::open(shards);
  CHECK(tokens == set.train->size());
  for (const int ranks : {1, 2}) {
    for (int rank = 0; rank < ranks; ++rank) {
      const std::vector<isize> read =
          numbers_of(join(binary, " '", shards, "/world_train_*.bin' ", rank, " ", ranks));
      REQUIRE(read.size() == 1 + 40 * 64);
      CHECK(read[0] == tokens);
      // It takes whole batches of all ranks from each shard.
      std::size_t at = 1;
      isize shard = 0, place = 0;
      for (int batch = 0; batch < 40; ++batch) {
        const isize size = set.train->files()[static_cast<std::size_t>(shard)].size();
        if (place + 32 * ranks + 1 > size) {
          ++shard;
          place = 0;
        }
        ids expected(33);
        set.train->files()[static_cast<std::size_t>(shard)].read(place + 32 * rank, expected);
        for (std::size_t i = 0; i < 32; ++i, at += 2) {
          REQUIRE(read[at] == expected[i]);
          REQUIRE(read[at + 1] == expected[i + 1]);
        }
        place += 32 * ranks;
      }
    }
  }
}
