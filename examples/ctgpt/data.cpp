// The verbs that need ctgpt::data.
#include "ctgpt/app/extra_verbs.hpp"
#include "ctgpt/app/shard.hpp"

namespace {

const ctgpt::app::extra_verb shard(
    "data", "shard", "Turn documents into tokens to train on",
    "Documents validate by the hash of their text. `ctgpt train --data DIR` trains on the result.\n"
    "Example:\n"
    "  ctgpt data shard --data texts/ more.jsonl.gz --tokenizer bytes --out shards",
    ctgpt::app::shard_command);

}  // namespace
