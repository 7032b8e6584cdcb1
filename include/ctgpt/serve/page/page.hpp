// The chat page: one file of HTML, style and script, joined when the server starts.
//
//   const chat_page page;
//   page.send(answer);
//
// Nothing of it comes from elsewhere, and the browser is told so: the content security policy
// allows this style and these scripts, by their hashes, and requests to this server, nothing else.
// Text of people and models becomes text nodes alone (serve/page/script_markdown.hpp).
// Errors: none.
// Reference: Content Security Policy Level 3.
#pragma once

#include <httplib.h>

#include "ctgpt/serve/page/markup.hpp"
#include "ctgpt/serve/page/script_chat.hpp"
#include "ctgpt/serve/page/script_dialogs.hpp"
#include "ctgpt/serve/page/script_history.hpp"
#include "ctgpt/serve/page/script_markdown.hpp"
#include "ctgpt/serve/page/script_message.hpp"
#include "ctgpt/serve/page/script_state.hpp"
#include "ctgpt/serve/page/style_layout.hpp"
#include "ctgpt/serve/page/style_parts.hpp"
#include "ctgpt/serve/replies.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

class chat_page {
 public:
  chat_page() {
    const std::string style = join(page_style_layout, page_style_parts);
    const std::string script = join("'use strict';\n(() => {\n", page_script_state,
                                    page_script_markdown, page_script_message, page_script_history,
                                    page_script_dialogs, page_script_chat, "})();\n");
    html_ =
        join("<!DOCTYPE html>\n<html lang=\"en\">\n", page_head, "<style>", style,
             "</style>\n</head>\n", page_body, "<script>", script, "</script>\n</body>\n</html>\n");
    policy_ = join("default-src 'none'; style-src '", hash_of(style), "'; script-src '",
                   hash_of(script), "'; connect-src 'self'; img-src data:; base-uri 'none'; ",
                   "form-action 'none'; frame-ancestors 'none'");
  }

  const std::string& html() const { return html_; }
  const std::string& policy() const { return policy_; }

  void send(httplib::Response& answer) const {
    answer.set_header("Content-Security-Policy", policy_);
    answer.set_header("Referrer-Policy", "no-referrer");
    answer.set_header("Cross-Origin-Opener-Policy", "same-origin");
    answer.set_header("Cache-Control", "no-cache");
    answer.set_content(html_, "text/html; charset=utf-8");
  }

 private:
  static std::string hash_of(std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
    return "sha256-" + base64({reinterpret_cast<const char*>(digest), size});
  }

  std::string html_, policy_;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
