// Personal data: the rules of each kind on published examples, what text holds them and what only
// looks like them, and precision and recall on labelled sentences.
#include "ctgpt/data/pii.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <map>

#include "base/corpora.hpp"
#include "ctgpt/base/random.hpp"
#include "ctgpt/io/json.hpp"
#include "data/cpu_seconds.hpp"

using namespace ctgpt;
using namespace ctgpt::data;

namespace {

std::string masked(std::string_view text) {
  pii_counts counts;
  std::string safe = mask_pii(text, counts);
  CHECK(counts.total() == static_cast<std::int64_t>(find_pii(text).size()));
  return safe;
}

constexpr bool known_numbers() {
  return luhn("79927398713") && !luhn("79927398710") && !luhn("") &&
         // The networks' own test numbers.
         is_card_number("4111111111111111") && is_card_number("5555555555554444") &&
         is_card_number("2223003122003222") && is_card_number("378282246310005") &&
         is_card_number("30569309025904") && is_card_number("6011111111111117") &&
         is_card_number("3530111333300000") && is_card_number("4222222222222") &&
         !is_card_number("4111111111111112") && !is_card_number("1234567812345670") &&
         is_any_card_number("1234567812345670") && !is_any_card_number("411111111111111a") &&
         is_ssn("219099999") && !is_ssn("000123456") && !is_ssn("666123456") &&
         !is_ssn("900123456") && !is_ssn("219009999") && !is_ssn("219090000") &&
         // The registry's examples.
         is_iban("GB29NWBK60161331926819") && is_iban("DE89370400440532013000") &&
         is_iban("NO9386011117947") && is_iban("MT84MALT011000012345MTLCAST001S") &&
         is_iban("fr1420041010050500013m02606") && !is_iban("GB28NWBK60161331926819") &&
         !is_iban("GB29NWBK6016133192681") && !is_iban("ZZ29NWBK60161331926819") && !is_iban("");
}
static_assert(known_numbers());

constexpr bool known_addresses() {
  return is_global_ipv4(0x08080808) && is_global_ipv4(0xAC200001) && !is_global_ipv4(0x0A000001) &&
         !is_global_ipv4(0xAC100001) && !is_global_ipv4(0xC0A80101) &&
         !is_global_ipv4(0x7F000001) && !is_global_ipv4(0xCB007107) &&
         !is_global_ipv4(0xFFFFFFFF) && !is_global_ipv4(0x64400001) &&
         is_global_ipv6({0x2606, 0x4700}) && !is_global_ipv6({0x2001, 0x0DB8}) &&
         !is_global_ipv6({0xFE80}) && !is_global_ipv6({0xFD00, 1}) && !is_global_ipv6({0}) &&
         !is_global_ipv6({0x3FFF, 0x0123}) && is_global_ipv6({0x3FFF, 0x1000}) &&
         calling_code_length("4930123456") == 2 && calling_code_length("14155550100") == 1 &&
         calling_code_length("35312345678") == 3 && calling_code_length("999123") == 3 &&
         calling_code_length("2891234567") == 0 && calling_code_length("12") == 0;
}
static_assert(known_addresses());

}  // namespace

TEST_CASE("PII: check digits, ranges and lengths are those of the standards") {
  CHECK(known_numbers());
  CHECK(known_addresses());
}

TEST_CASE("PII: what is found, and how far it reaches") {
  const std::pair<const char*, const char*> cases[] = {
      {"Write to jo.doe+list@mail.example.co.uk, please.", "Write to <EMAIL>, please."},
      {"<a@b.de>;c_d@e-f.museum", "<<EMAIL>>;<EMAIL>"},
      {"mailto:ann@example.org?subject=x", "mailto:<EMAIL>?subject=x"},
      {"m\xC3\xBCller@b\xC3\xBC"
       "cher.de said \xE2\x80\x9Ck@x.org\xE2\x80\x9D",
       "<EMAIL> said \xE2\x80\x9C<EMAIL>\xE2\x80\x9D"},
      {"at end x@example.com.", "at end <EMAIL>."},
      {"0123-456-7890@example.com", "<EMAIL>"},
      {"(212) 555-0142 x12, or +1 212.555.0143", "<PHONE>, or <PHONE>"},
      {"Tel.: 030/1234567", "Tel.: <PHONE>"},
      {"+44 20 7946 0958 and +49 (0)30 123456", "<PHONE> and <PHONE>"},
      {"0033 1 23 45 67 89", "<PHONE>"},
      {"call 555-0199 today", "call <PHONE> today"},
      {"Fax: 5403926876", "Fax: <PHONE>"},
      {"T\xC3\xA9l. 01 23 45 67 89", "T\xC3\xA9l. <PHONE>"},
      {"call 01 23 45 67 89 01 98 76 54 32", "call <PHONE> <PHONE>"},
      {"212-555-0142 646-555-0187 917-555-0111", "<PHONE> <PHONE> <PHONE>"},
      {"pay 4111 1111 1111 1111 now", "pay <CARD> now"},
      {"3782-822463-10005", "<CARD>"},
      {"card 1234567812345670", "card <CARD>"},
      {"ssn 219 09 9999, 219-09-9999", "ssn <SSN>, <SSN>"},
      {"GB29 NWBK 6016 1331 9268 19.", "<IBAN>."},
      {"to DE89370400440532013000", "to <IBAN>"},
      {"from 93.184.216.34:80", "from <IP>:80"},
      {"ping 8.8.8.8", "ping <IP>"},
      {"[2606:4700:4700::1111]:443", "[<IP>]:443"},
      {"at 2a00:1450:4001:82b:0:0:0:200e!", "at <IP>!"},
  };
  for (const auto& example : cases) {
    const char *text = example.first, *safe = example.second;
    CHECK_MESSAGE(masked(text) == safe, text);
    CHECK_MESSAGE(masked(safe) == safe, "what is masked stays: ", text);
  }
}

TEST_CASE("PII: telephone numbers as countries write them") {
  for (const char* number :
       {"+1 650-253-0000",      "1-800-555-1212",     "(650) 253-0000",    "650.253.0000",
        "+1(212)5550142",       "+44 20 7031 3000",   "020 7031 3000",     "(020) 7031 3000",
        "+44 (0) 20 7031 3000", "07911 123456",       "+49 30 901820",     "0171-1234567",
        "+49-171-1234567",      "+33 1 42 68 53 00",  "01 42 68 53 00",    "01-42-68-53-00",
        "+34 912 345 678",      "+39 06 698 83712",   "06 698 83712",      "+31 20 555 1111",
        "020-5551111",          "+7 (495) 123-45-67", "8-800-555-35-35",   "+86 10 8888 8888",
        "010-88888888",         "+86 138 0013 8000",  "+81 3-1234-5678",   "03-1234-5678",
        "+91 98765 43210",      "+91-9876543210",     "+55 11 91234-5678", "(11) 91234-5678",
        "+61 2 9374 4000",      "(02) 9374 4000",     "0412 345 678",      "+27 11 123 4567",
        "+48 22 123 45 67",     "+90 212 345 67 89",  "+82-2-1234-5678",   "+971 4 123 4567",
        "+380 44 123 4567",     "+353 1 234 5678",    "+65 6123 4567"}) {
    CHECK_MESSAGE(masked(number) == "<PHONE>", number);
    CHECK(masked("(" + std::string(number) + ").") == "(<PHONE>).");
  }
  // Such are numbers of anything where no word says more.
  for (const char* number :
       {"912 345 678", "98765 43210", "22 123 45 67", "6123 4567", "138 0013 8000", "6502530000"}) {
    CHECK_MESSAGE(masked(number) == number, number);
    CHECK_MESSAGE(masked("please call " + std::string(number)) == "please call <PHONE>", number);
  }
}

TEST_CASE("PII: what only looks like it stays") {
  for (const char* text : {"user@localhost",
                           "@name and a @ b.de",
                           "a..b@.com",
                           "x@y",
                           "a@b.c",
                           "@media print",
                           "in 1998-2004 and 2005-04-03, 3.4.2005",
                           "pi is 3.14159265358979",
                           "1,234,567,890",
                           "$ 212-555-0142",
                           "ISBN 978-3-16-148410-0",
                           "#212-555-0142",
                           "1234567 years",
                           "4111111111111112",
                           "1234 5678 1234 5670",
                           "GB28 NWBK 6016 1331 9268 19",
                           "666-12-3456 and 123-00-4567",
                           "219 09 9999",
                           "10.0.0.1, 192.168.1.1, 127.0.0.1",
                           "version 10.15.7.1",
                           "section 3.4.1.2",
                           "1.2.3.4.5",
                           "256.1.1.1",
                           "2001:db8::1",
                           "::1",
                           "fe80::1ff:fe23:4567:890a",
                           "std::a1 and a::b1",
                           "at 12:34:56",
                           "00:1b:63:84:45:e6",
                           "91720420-4047-4238-89e8-2e469fe39abc",
                           "Boston, MA 02110-1301",
                           "12 345 678 people",
                           "the years 1914 1918 1939 1945",
                           "x = 100 200 300 400"}) {
    CHECK_MESSAGE(masked(text) == text, text);
  }
}

TEST_CASE("PII: any bytes are read, spans are ordered, and marks are left alone") {
  random_stream numbers(11);
  constexpr std::string_view alphabet = "0123456789 -.()+@:/abxzGBDE\xC3\xA9\xFF\n,";
  constexpr std::string_view pieces[] = {
      "4111111111111111",       "a@b.de",  "+49 30 123456", "call ",
      "GB29NWBK60161331926819", "8.8.4.4", "2606:4700::1"};
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const auto length = numbers.below(60);
    while (text.size() < length) {
      if (numbers.below(12) == 0) text += pieces[numbers.below(std::size(pieces))];
      text += alphabet[numbers.below(alphabet.size())];
    }
    std::size_t done = 0;
    for (const pii_span& found : find_pii(text)) {
      REQUIRE(found.begin >= done);
      REQUIRE(found.end > found.begin);
      REQUIRE(found.end <= text.size());
      done = found.end;
    }
    CHECK(find_pii(text) == find_pii(text));
  }
  CHECK(masked("<PHONE> 4567 8901 and <CARD> 1234567812345670 and <SSN> 219 09 9999") ==
        "<PHONE> 4567 8901 and <CARD> 1234567812345670 and <SSN> 219 09 9999");
  // More colons than an address has, before a digit that was reached (it did not end once).
  CHECK(masked("a1:b1" + std::string(34, ':') + "0::1") == "a1:b1" + std::string(34, ':') + "0::1");
  // One long line of digits and separators takes time in proportion.
  std::string table;
  for (int i = 0; i < 200000; ++i) table += i % 3 == 0 ? "12 " : "3456-";
  const double begun = ctgpt_test::cpu_seconds();
  find_pii(table);
  CHECK((ctgpt_test::cpu_seconds() - begun) < 5.0);
}

TEST_CASE("PII: precision and recall on 1,500 labelled sentences") {
  const std::string path = ctgpt_test::corpus("safety/pii-1500.json");
  if (path.empty()) return;
  const std::map<std::string, pii_kind, std::less<>> kinds{
      {"EMAIL_ADDRESS", pii_kind::email}, {"PHONE_NUMBER", pii_kind::phone},
      {"CREDIT_CARD", pii_kind::card},    {"US_SSN", pii_kind::ssn},
      {"IBAN_CODE", pii_kind::iban},      {"IP_ADDRESS", pii_kind::ip}};
  const io::json parsed = io::read_json(path);
  const io::json_field sentences(parsed, path);
  pii_counts right, wrong, labelled, recalled;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const std::string text(sentences[i]["full_text"].string());
    std::vector<std::size_t> offsets;  // labels count characters
    for (std::size_t at = 0; at < text.size();) {
      offsets.push_back(at);
      at += utf8_decode(std::string_view(text).substr(at)).length;
    }
    offsets.push_back(text.size());
    const std::vector<pii_span> found = find_pii(text);
    std::vector<bool> hit(found.size());
    const io::json_field spans = sentences[i]["spans"];
    for (std::size_t k = 0; k < spans.size(); ++k) {
      const auto kind = kinds.find(spans[k]["entity_type"].string());
      if (kind == kinds.end()) continue;
      const auto begin =
          offsets.at(static_cast<std::size_t>(spans[k]["start_position"].integer(0)));
      const auto end = offsets.at(static_cast<std::size_t>(spans[k]["end_position"].integer(0)));
      bool any = false;
      for (std::size_t j = 0; j < found.size(); ++j) {
        if (found[j].kind != kind->second || found[j].begin >= end || begin >= found[j].end) {
          continue;
        }
        any = hit[j] = true;
      }
      ++labelled[kind->second];
      recalled[kind->second] += any ? 1 : 0;
    }
    for (std::size_t j = 0; j < found.size(); ++j) ++(hit[j] ? right : wrong)[found[j].kind];
  }
  for (std::size_t k = 0; k < pii_kinds; ++k) {
    const auto kind = static_cast<pii_kind>(k);
    const double precision =
        static_cast<double>(right[kind]) /
        static_cast<double>(std::max<std::int64_t>(right[kind] + wrong[kind], 1));
    const double recall = static_cast<double>(recalled[kind]) /
                          static_cast<double>(std::max<std::int64_t>(labelled[kind], 1));
    std::printf("%-6s precision %.3f recall %.3f of %d labelled\n", pii_names[k].data(), precision,
                recall, static_cast<int>(labelled[kind]));
    CHECK(labelled[kind] > 0);
    const bool loose = kind == pii_kind::phone || kind == pii_kind::ip;
    CHECK(precision >= (loose ? 0.8 : 0.99));
    CHECK(recall >= (loose ? 0.8 : 0.93));
  }
}

TEST_CASE("PII: false alarms in novels and encyclopedia, and speed") {
  for (const char* name : {"text/dickens.txt", "text/wikitext-2-test.txt",
                           "text/wikitext-2-valid.txt", "text/tinyshakespeare.txt"}) {
    const std::string path = ctgpt_test::corpus(name);
    if (path.empty()) return;
    const std::string text = read_file(path);
    pii_counts counts;
    const double begun = ctgpt_test::cpu_seconds();
    for (const pii_span& found : find_pii(text)) ++counts[found.kind];
    const double speed =
        static_cast<double>(text.size()) / 1e6 / (ctgpt_test::cpu_seconds() - begun);
    std::printf("%-27s", name);
    for (std::size_t k = 0; k < pii_kinds; ++k) {
      std::printf(" %s %d", pii_names[k].data(), static_cast<int>(counts.of[k]));
    }
    std::printf(", %.0f MB/s\n", speed);
    // The e-mail addresses in the novels are those of the people who typed them in.
    CHECK(counts.total() - counts[pii_kind::email] <= 2);
    CHECK(speed > 50.0);
  }
}
