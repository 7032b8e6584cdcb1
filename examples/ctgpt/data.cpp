// The verbs that need ctgpt::data.
#include "ctgpt/app/extra_verbs.hpp"
#include "ctgpt/app/fetch.hpp"
#include "ctgpt/app/shard.hpp"

namespace {

const ctgpt::app::extra_verb shard(
    "data", "shard", "Turn documents into tokens to train on",
    "Documents validate by the hash of their text. `ctgpt train --data DIR` trains on the result.\n"
    "Example:\n"
    "  ctgpt data shard --data texts/ more.jsonl.gz --tokenizer bytes --out shards",
    ctgpt::app::shard_command);

const ctgpt::app::extra_verb fetch(
    "data", "fetch", "Fetch public corpora, models and tokenizers by name",
    "The path of each goes to standard output. A download that was cut or stopped goes on where\n"
    "it was. Files are checked by SHA-256; where the catalogue has none, the first fetch keeps\n"
    "the one that it got, and later ones compare. Proxies are those of https_proxy, trusted\n"
    "certificates those of SSL_CERT_FILE; CTGPT_MIRROR is an address that stands for https://.\n"
    "Example:\n"
    "  ctgpt data fetch gpt2 tinyshakespeare",
    ctgpt::app::fetch_command);

}  // namespace
