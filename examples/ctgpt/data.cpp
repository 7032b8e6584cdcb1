// The verbs that need ctgpt::data.
#include "ctgpt/app/clean.hpp"
#include "ctgpt/app/dedup.hpp"
#include "ctgpt/app/document_texts.hpp"
#include "ctgpt/app/extra_verbs.hpp"
#include "ctgpt/app/fetch.hpp"
#include "ctgpt/app/shard.hpp"

namespace {

const ctgpt::app::extra_verb dedup(
    "data", "dedup", "Drop duplicates, near-duplicates and evaluation texts from documents",
    "The first of what is alike stays. Jobs of an array make signatures by --shard 0/3, 1/3, 2/3;\n"
    "the last call, the same without --shard, merges them.\n"
    "Example:\n"
    "  ctgpt data dedup --data clean/ --exact --minhash --decontaminate eval/ --out unique",
    ctgpt::app::dedup_command);

const ctgpt::app::extra_verb clean(
    "data", "clean", "Normalise, filter and mask documents",
    "Writes parts of JSON lines, compressed, and report.json with the counts by reason. The same\n"
    "command goes on after a kill. A cluster's jobs share the work by --shard 0/8 to 7/8.\n"
    "Example:\n"
    "  ctgpt data clean --data web/*.warc.wet.gz --rules gopher,c4,fineweb --language en \\\n"
    "    --normalise entities,control,nfc,whitespace --mask-pii --out clean",
    ctgpt::app::clean_command);

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

// So that `tokenizer train` reads documents too.
[[maybe_unused]] const bool installed = ctgpt::app::install_document_texts();

}  // namespace
