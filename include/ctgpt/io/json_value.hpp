// A JSON value: null, true or false, an integer, a number, a string, an array or an object.
//
// json settings = json::object();
// settings.set("steps", 2000).set("rate", 3e-4);
// settings.find("steps")->get_if<std::int64_t>();
//
// Integers are exact from -2^63 to 2^64 - 1; other numbers are double. An object keeps the order in
// which its keys came, and each key is there once. Values own what they hold and compare by it.
// Cost: finding a key is O(log n); setting one is O(n) in a large object, so build huge objects
// with json_writer (io/json_writer.hpp) instead.
// Errors: none here; typed access with sentences is json_field (io/json_field.hpp).
// Reference: RFC 8259.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::io {

class json;
struct json_member;
using json_array = std::vector<json>;

// Nesting allowed in texts that are read or written: a bound on the stack that foreign bytes can
// use.
inline constexpr int json_depth_limit = 64;

class json_object {
 public:
  // Defined below, where json_member is complete.
  json_object() noexcept;
  json_object(const json_object&);
  json_object(json_object&&) noexcept;
  json_object& operator=(const json_object&);
  json_object& operator=(json_object&&) noexcept;
  ~json_object();

  const std::vector<json_member>& members() const { return members_; }
  std::size_t size() const;
  const json* find(std::string_view key) const;
  // Adds the member, or replaces the value of the one that has this key.
  void set(std::string key, json value);

  // From members in order; an empty result names by *twice the later of two members of one key.
  static std::optional<json_object> from_members(std::vector<json_member> members,
                                                 std::size_t* twice);
  bool operator==(const json_object& other) const;

 private:
  static constexpr std::size_t linear_search = 8;  // up to here an index does not pay

  // Place in order_ of the first key that is not less.
  std::size_t lower_bound(std::string_view key) const;
  // Position in members_, or size().
  std::size_t place(std::string_view key) const;
  void sort_order();

  std::vector<json_member> members_;
  // Positions in members_ sorted by key, kept when there are more than linear_search of them.
  // Sorted rather than hashed: chosen keys cannot make it slow.
  std::vector<std::uint32_t> order_;
};

// Where a variant is moved, g++ 12 warns, in error, of members that only another kind would have.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

class json {
 public:
  using storage = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double,
                               std::string, json_array, json_object>;

  json() = default;
  json(std::nullptr_t) {}
  json(bool value) : data_(value) {}
  json(double value) : data_(value) {}
  json(const char* value) : data_(std::string(value)) {}
  json(std::string_view value) : data_(std::string(value)) {}
  json(std::string value) : data_(std::move(value)) {}
  json(json_array value) : data_(std::move(value)) {}
  json(json_object value) : data_(std::move(value)) {}
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) json(Integer value) : data_(of_integer(value)) {}
  static json array() { return json(json_array()); }
  static json object() { return json(json_object()); }

  const storage& data() const { return data_; }
  // The value of that type, or nullptr when it is another. Integers past 2^63 - 1 are
  // std::uint64_t.
  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&data_);
  }
  bool is_null() const { return get_if<std::nullptr_t>() != nullptr; }

  // nullptr too when this is not an object.
  const json* find(std::string_view key) const {
    const json_object* object = get_if<json_object>();
    return object != nullptr ? object->find(key) : nullptr;
  }
  // Requires: an object (or null, which becomes one).
  json& set(std::string key, json value) {
    if (is_null()) data_ = json_object();
    std::get<json_object>(data_).set(std::move(key), std::move(value));
    return *this;
  }
  // Requires: an array (or null, which becomes one).
  json& push(json value) {
    if (is_null()) data_ = json_array();
    std::get<json_array>(data_).push_back(std::move(value));
    return *this;
  }

  bool operator==(const json& other) const { return data_ == other.data_; }

 private:
  // One form for one value: unsigned only where signed does not reach.
  template <class Integer>
  static storage of_integer(Integer value) {
    if (std::in_range<std::int64_t>(value)) {
      return storage(std::in_place_type<std::int64_t>, static_cast<std::int64_t>(value));
    }
    return storage(std::in_place_type<std::uint64_t>, static_cast<std::uint64_t>(value));
  }

  storage data_;
};

struct json_member {
  std::string key;
  json value;
  bool operator==(const json_member& other) const = default;
};

inline json_object::json_object() noexcept = default;
inline json_object::json_object(const json_object&) = default;
inline json_object::json_object(json_object&&) noexcept = default;
inline json_object& json_object::operator=(const json_object&) = default;
inline json_object& json_object::operator=(json_object&&) noexcept = default;
inline json_object::~json_object() = default;

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

inline std::size_t json_object::size() const { return members_.size(); }

inline bool json_object::operator==(const json_object& other) const {
  return members_ == other.members_;
}

inline std::size_t json_object::lower_bound(std::string_view key) const {
  const auto less = [this](std::uint32_t at, std::string_view sought) {
    return members_[at].key < sought;
  };
  return static_cast<std::size_t>(std::lower_bound(order_.begin(), order_.end(), key, less) -
                                  order_.begin());
}

inline std::size_t json_object::place(std::string_view key) const {
  if (members_.size() <= linear_search) {
    const auto same = [key](const json_member& member) { return member.key == key; };
    return static_cast<std::size_t>(std::find_if(members_.begin(), members_.end(), same) -
                                    members_.begin());
  }
  const std::size_t at = lower_bound(key);
  const bool found = at < order_.size() && members_[order_[at]].key == key;
  return found ? order_[at] : members_.size();
}

inline const json* json_object::find(std::string_view key) const {
  const std::size_t at = place(key);
  return at < members_.size() ? &members_[at].value : nullptr;
}

inline void json_object::sort_order() {
  // The first bytes beside each place settle most comparisons without a look at the keys.
  struct head {
    std::uint64_t bytes;
    std::uint32_t place;
  };
  std::vector<head> heads;
  heads.reserve(members_.size());
  for (const json_member& member : members_) {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      bytes <<= 8;
      if (i < member.key.size()) bytes |= static_cast<unsigned char>(member.key[i]);
    }
    heads.push_back({bytes, static_cast<std::uint32_t>(heads.size())});
  }
  // Equal keys stay in the order of the members, so that the later one can be named.
  std::sort(heads.begin(), heads.end(), [this](const head& a, const head& b) {
    if (a.bytes != b.bytes) return a.bytes < b.bytes;
    const int compared = members_[a.place].key.compare(members_[b.place].key);
    return compared != 0 ? compared < 0 : a.place < b.place;
  });
  order_.resize(heads.size());
  for (std::size_t i = 0; i < heads.size(); ++i) order_[i] = heads[i].place;
}

inline void json_object::set(std::string key, json value) {
  const std::size_t at = place(key);
  if (at < members_.size()) {
    members_[at].value = std::move(value);
    return;
  }
  members_.push_back({std::move(key), std::move(value)});
  if (members_.size() == linear_search + 1) {
    sort_order();
  } else if (members_.size() > linear_search + 1) {
    const std::size_t slot = lower_bound(members_.back().key);
    order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(slot),
                  static_cast<std::uint32_t>(members_.size() - 1));
  }
}

inline std::optional<json_object> json_object::from_members(std::vector<json_member> members,
                                                            std::size_t* twice) {
  json_object object;
  object.members_ = std::move(members);
  object.sort_order();
  std::size_t earliest = object.size();
  for (std::size_t i = 1; i < object.order_.size(); ++i) {
    const bool same =
        object.members_[object.order_[i - 1]].key == object.members_[object.order_[i]].key;
    if (same) earliest = std::min<std::size_t>(earliest, object.order_[i]);
  }
  if (earliest < object.size()) {
    *twice = earliest;
    return std::nullopt;
  }
  if (object.size() <= linear_search) object.order_.clear();
  return object;
}

}  // namespace ctgpt::inline CTGPT_ABI::io
