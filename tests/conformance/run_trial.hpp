// Runs one trial on one backend and says what is wrong with it.
//
// Every operand is laid out with a lead of a few elements, gaps between rows and a tail, all filled
// with 0xff bytes (a NaN in every float type): a kernel that reads them shows it in its result, one
// that writes them is caught by their bytes. Inputs must come back byte for byte.
#pragma once

#include <cstring>
#include <map>
#include <sstream>

#include "conformance/trial.hpp"
#include "ctgpt/backend/reference.hpp"

namespace conformance {

struct placement {
  element type = element::none;
  isize lead = 0, stride = 0;
  std::vector<unsigned char> bytes;  // as uploaded
  tensor where;
};

struct outcome {
  std::string complaint;  // empty: all is well
  double worst = 0.0;
  // The values of the outputs as the backend stored them, for comparing bits across backends.
  std::vector<unsigned char> bits;
};

// The reference stores every real operand in f64; blocks and integers stay what they are.
inline element type_on(element type, bool oracle) {
  return oracle && is_real(type) ? element::f64 : type;
}

class arrangement {
 public:
  // `aliased`: this output lies on that input. `salt` varies strides and leads.
  arrangement(const trial& what, const backend& where, bool oracle, std::uint64_t salt,
              const std::pair<std::string, std::string>& aliased = {})
      : where_(where), aliased_(aliased) {
    for (const operand& each : what.operands) {
      if (each.name == aliased.first && !aliased.first.empty()) continue;
      place(each, type_on(each.type, oracle), salt++);
    }
    if (!aliased.first.empty()) names_.set(aliased.first, names_[aliased.second]);
  }
  ~arrangement() {
    for (void* data : owned_) where_.table().release(where_.state(), data);
  }
  arrangement(const arrangement&) = delete;
  arrangement& operator=(const arrangement&) = delete;

  const binding& names() const { return names_; }

  std::vector<double> values(const operand& each) const {
    const placement& at = places_.at(source(each.name));
    const std::vector<unsigned char>& bytes = after_call(each.name);
    std::vector<double> result;
    for (isize r = 0; r < each.rows; ++r) {
      for (isize c = 0; c < each.cols; ++c) {
        result.push_back(decode(at.type, bytes.data(), at.lead + r * at.stride + c));
      }
    }
    return result;
  }
  // Appends the bytes of an operand's elements, without gaps. A NaN is a NaN: which operand's sign
  // and payload it takes on is the compiler's choice.
  void append_bits(const operand& each, std::vector<unsigned char>& bits) const {
    const placement& at = places_.at(source(each.name));
    const std::vector<unsigned char>& bytes = after_call(each.name);
    const auto width = element_bytes(at.type, each.cols);
    for (isize r = 0; r < each.rows; ++r) {
      const auto first = bytes.begin() + element_bytes(at.type, at.lead + r * at.stride);
      bits.insert(bits.end(), first, first + width);
      if (!is_real(at.type)) continue;
      const auto size = static_cast<std::size_t>(element_bytes(at.type, 1));
      for (isize c = 0; c < each.cols; ++c) {
        if (!std::isnan(decode(at.type, bytes.data(), at.lead + r * at.stride + c))) continue;
        const std::size_t back = static_cast<std::size_t>(each.cols - c) * size;
        std::fill_n(bits.end() - static_cast<std::ptrdiff_t>(back), size, std::uint8_t{0xff});
      }
    }
  }
  // Did the call change a byte that it must leave alone?
  bool touched(const operand& each) const {
    if (each.packed) return false;
    const placement& at = places_.at(source(each.name));
    std::vector<unsigned char> after = after_call(each.name), before = at.bytes;
    if (each.use != role::in) {  // then only lead, gaps and tail must stay
      for (isize r = 0; r < each.rows; ++r) {
        const isize first = element_bytes(at.type, at.lead + r * at.stride);
        const isize last = first + element_bytes(at.type, each.cols);
        for (isize i = first; i < last; ++i) {
          after[static_cast<std::size_t>(i)] = before[static_cast<std::size_t>(i)] = 0;
        }
      }
    }
    return after != before;
  }

 private:
  // An operand's bytes as they are when somebody first asks, which is after the call.
  const std::vector<unsigned char>& after_call(const std::string& name) const {
    const auto [found, fresh] = downloaded_.try_emplace(source(name));
    if (fresh) {
      const placement& at = places_.at(source(name));
      found->second.resize(at.bytes.size());
      where_.download(found->second.data(), base(at), at.bytes.size());
    }
    return found->second;
  }
  const std::string& source(const std::string& name) const {
    return name == aliased_.first ? aliased_.second : name;
  }
  static void* base(const placement& at) {
    return static_cast<unsigned char*>(at.where.data) - element_bytes(at.type, at.lead);
  }
  void* allocate(std::size_t bytes) {
    void* data = where_.table().allocate(where_.state(), bytes);
    expects(data != nullptr, "no memory for the conformance test");
    owned_.push_back(data);
    return data;
  }

  void place(const operand& each, element type, std::uint64_t salt) {
    static constexpr isize leads[] = {0, 1, 3, 16, 0, 7}, pads[] = {1, 0, 16, 3, 31};
    const isize unit = is_block(type) ? block_length : 1;
    placement at;
    at.type = type;
    at.lead = is_block(type) ? 0 : leads[salt % 6];
    at.stride = each.cols + unit * pads[salt % 5];
    const isize elements = at.lead + each.rows * at.stride;
    at.bytes.assign(static_cast<std::size_t>(element_bytes(type, elements)) + 64, 0xff);
    for (isize r = 0; r < each.rows && each.use != role::out; ++r) {
      encode(type, each.values.data() + r * each.cols, each.cols,
             at.bytes.data() + element_bytes(type, at.lead + r * at.stride));
    }
    auto* data = static_cast<unsigned char*>(allocate(at.bytes.size()));
    where_.upload(data, at.bytes.data(), at.bytes.size());
    at.where = {data + element_bytes(type, at.lead), each.rows, each.cols, at.stride, type};
    names_.set(each.name, each.packed ? pack(at.where) : at.where);
    places_.emplace(each.name, std::move(at));
  }

  tensor pack(const tensor& plain) {
    const isize count =
        where_.table().pack_elements(where_.state(), plain.rows, plain.cols, plain.type);
    tensor panels = plain;
    panels.data = allocate(static_cast<std::size_t>(element_bytes(plain.type, count)));
    panels.stride = plain.cols;
    panels.packing = layout::panels;
    where_.table().pack(where_.state(), {panels, plain});
    return panels;
  }

  backend where_;
  std::pair<std::string, std::string> aliased_;
  binding names_;
  std::map<std::string, placement> places_;
  mutable std::map<std::string, std::vector<unsigned char>> downloaded_;
  std::vector<void*> owned_;
};

inline double rounded(element type, double value) {
  if (is_block(type)) return value;  // rounded as a block, when it was encoded
  alignas(8) unsigned char bytes[8];
  encode(type, &value, 1, bytes);
  return decode(type, bytes, 0);
}

// Rounds the values to their types and lets `prepare` fill what only the mathematics can give.
inline trial settle(trial what) {
  const backend oracle = reference<double>{};
  for (operand& each : what.operands) {
    for (double& v : each.values) {
      if (!is_block(each.type)) v = rounded(each.type, v);
    }
    if (each.use != role::out && each.values.empty()) {
      each.values.assign(static_cast<std::size_t>(each.rows * each.cols), 0.0);
    }
  }
  if (!what.prepare) return what;
  const arrangement placed(what, oracle, true, 0);
  what.prepare(oracle.table(), oracle.state(), placed.names());
  for (operand& each : what.operands) {
    if (each.use == role::out || is_block(each.type)) continue;
    each.values = placed.values(each);
    for (double& v : each.values) v = rounded(each.type, v);
  }
  return what;
}

using expectation = std::map<std::string, std::vector<double>>;

inline expectation expect_values(const trial& what) {
  const backend oracle = reference<double>{};
  const arrangement placed(what, oracle, true, 0);
  what.run(oracle.table(), oracle.state(), placed.names());
  expectation wanted;
  for (const operand& each : what.operands) {
    if (each.use != role::in) wanted[each.name] = placed.values(each);
  }
  return wanted;
}

// Compares one output with what the reference says.
inline void judge(const trial& what, const operand& each, const std::vector<double>& got,
                  const std::vector<double>& want, outcome& result) {
  double squares = 0.0, finite = 0.0;
  for (const double w : want) {
    if (std::isfinite(w)) squares += w * w, finite += 1.0;
  }
  const double root = finite > 0.0 ? std::sqrt(squares / finite) : 0.0;
  const double allowed =
      each.type == element::bf16 ? std::fmax(what.tolerance, 0x1p-8) : what.tolerance;
  for (std::size_t i = 0; i < want.size(); ++i) {
    double wrong = 0.0;
    if (std::isnan(want[i])) {
      wrong = std::isnan(got[i]) ? 0.0 : INFINITY;
    } else if (std::isnan(got[i])) {
      wrong = what.loose_nan && what.planted ? 0.0 : INFINITY;
    } else if (what.tolerance == 0.0) {
      wrong = got[i] == rounded(each.type, want[i]) ? 0.0 : INFINITY;
    } else if (got[i] != want[i]) {
      wrong =
          std::fabs(got[i] - want[i]) / (std::fabs(want[i]) + root + what.terms + 1e-30) / allowed;
    }
    if (!(wrong <= 1.0) && !(wrong <= result.worst)) {
      std::ostringstream text;
      text << each.name << "[" << static_cast<isize>(i) / each.cols << ","
           << static_cast<isize>(i) % each.cols << "] is " << got[i] << " instead of " << want[i]
           << ", " << wrong << " times the tolerance";
      result.complaint = text.str();
    }
    result.worst = std::fmax(result.worst, std::isnan(wrong) ? INFINITY : wrong);
  }
}

inline outcome run_trial(const trial& what, const expectation& wanted, const backend& where,
                         std::uint64_t salt,
                         const std::pair<std::string, std::string>& aliased = {}) {
  outcome result;
  const arrangement placed(what, where, false, salt, aliased);
  what.run(where.table(), where.state(), placed.names());
  where.synchronise();
  for (const operand& each : what.operands) {
    const bool shared = !aliased.first.empty() && each.name == aliased.second;
    if (!shared && placed.touched(each)) {
      result.complaint = each.use == role::in
                             ? each.name + " was changed, but it is an input"
                             : "the gaps between the rows of " + each.name + " were written";
      result.worst = INFINITY;
      return result;
    }
    if (each.use == role::in) continue;
    judge(what, each, placed.values(each), wanted.at(each.name), result);
    placed.append_bits(each, result.bits);
  }
  return result;
}

}  // namespace conformance
