// HTTPS: a certificate made here and now, what is old or plain is refused, and another certificate
// takes its place while the server runs.
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <fstream>

#include "base/temporary.hpp"
#include "serve/fixture.hpp"

using namespace ctgpt_test;

namespace {

// A certificate of its own authority for 127.0.0.1, valid for an hour.
void make_certificate(const std::string& certificate, const std::string& key, const char* name) {
  EVP_PKEY* pair = EVP_EC_gen("P-256");
  X509* made = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), 0);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_set_pubkey(made, pair);
  X509_NAME* subject = X509_get_subject_name(made);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(made, subject);
  X509_sign(made, pair, EVP_sha256());
  std::FILE* file = std::fopen(certificate.c_str(), "w");
  PEM_write_X509(file, made);
  std::fclose(file);
  file = std::fopen(key.c_str(), "w");
  PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(made);
  EVP_PKEY_free(pair);
}

std::unique_ptr<httplib::SSLClient> secure_client(int port) {
  auto one = std::make_unique<httplib::SSLClient>("127.0.0.1", port);
  one->enable_server_certificate_verification(false);
  one->set_read_timeout(10, 0);
  return one;
}

// The name in the certificate that the server shows.
std::string name_shown(int port) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  BIO* link = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(link, ("127.0.0.1:" + std::to_string(port)).c_str());
  std::string name;
  if (BIO_do_connect(link) == 1) {
    SSL* ssl = nullptr;
    BIO_get_ssl(link, &ssl);
    X509* shown = SSL_get1_peer_certificate(ssl);
    char text[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, text, sizeof text);
    name = text;
    X509_free(shown);
  }
  BIO_free_all(link);
  SSL_CTX_free(context);
  return name;
}

}  // namespace

TEST_CASE("https: answers, streams, and a new certificate without a break") {
  const temporary_directory room;
  const std::string first = room.file("first.pem"), first_key = room.file("first.key");
  const std::string other = room.file("other.pem"), other_key = room.file("other.key");
  make_certificate(first, first_key, "first");
  make_certificate(other, other_key, "other");
  fixture_options options{.context = 100'000, .step = 0.002};
  options.server.limits.head = 1.0;
  const fixture here(options);
  here.web->use(serve::load_certificate(first, first_key));

  auto client = secure_client(here.port);
  client->set_keep_alive(true);
  CHECK(client->Get("/health")->status == 200);
  const std::string long_prompt = "say:" + std::string(60'000, 'y');  // several TLS records
  const auto told = client->Post(
      "/v1/completions", R"({"max_tokens":200,"stream":true,"prompt":")" + long_prompt + "\"}",
      "application/json");
  REQUIRE(told);
  CHECK(told->status == 200);
  CHECK(events_of(told->body).back() == "[DONE]");
  CHECK(name_shown(here.port) == "first");

  // A client that leaves within a stream ends its answer here too.
  {
    auto leaving = secure_client(here.port);
    httplib::Request ask;
    ask.method = "POST";
    ask.path = "/v1/completions";
    ask.body = R"({"prompt":"loop:x","max_tokens":90000,"stream":true})";
    ask.content_receiver = [](const char*, std::size_t, std::uint64_t, std::uint64_t) {
      return false;
    };
    httplib::Response none;
    httplib::Error error{};
    leaving->send(ask, none, error);
  }
  CHECK(soon([&] { return here.engine->cancels() > 0 && here.web->at_work() == 0; }));

  // What is no TLS gets nothing; who says nothing is dropped.
  raw_client plain(here.port), silent(here.port);
  plain.say("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(plain.hear().find("200 OK") == std::string::npos);
  CHECK(silent.hear("", 5.0).empty());
  CHECK(silent.closed());

  here.web->use(serve::load_certificate(other, other_key));
  CHECK(name_shown(here.port) == "other");
  CHECK(client->Get("/health")->status == 200);  // on its old connection
  CHECK_THROWS_WITH_AS(serve::load_certificate(first, other_key),
                       doctest::Contains("is not the private key of"), ctgpt::error);
  CHECK_THROWS_WITH_AS(serve::load_certificate(first_key, first_key),
                       doctest::Contains("no certificate in PEM form"), ctgpt::error);
}
