// The verbs that need ctgpt::data.
#include "ctgpt/app/dedup.hpp"
#include "ctgpt/app/extra_verbs.hpp"
#include "ctgpt/app/shard.hpp"

namespace {

const ctgpt::app::extra_verb dedup(
    "data", "dedup", "Drop duplicates, near-duplicates and evaluation texts from documents",
    "The first of what is alike stays. Jobs of an array make signatures by --shard 0/3, 1/3, 2/3;\n"
    "the last call, the same without --shard, merges them.\n"
    "Example:\n"
    "  ctgpt data dedup --data clean/ --exact --minhash --decontaminate eval/ --out unique",
    ctgpt::app::dedup_command);

const ctgpt::app::extra_verb shard(
    "data", "shard", "Turn documents into tokens to train on",
    "Documents validate by the hash of their text. `ctgpt train --data DIR` trains on the result.\n"
    "Example:\n"
    "  ctgpt data shard --data texts/ more.jsonl.gz --tokenizer bytes --out shards",
    ctgpt::app::shard_command);

}  // namespace
