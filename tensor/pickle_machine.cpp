#include "tensor/pickle_machine.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "tensor/refusal.h"

namespace pith {
namespace {

using Kind = PickleValue::Kind;

constexpr size_t kMostValues = 500'000;
constexpr std::string_view kRebuildTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils _rebuild_parameter";
constexpr std::string_view kOrderedDict = "collections OrderedDict";
constexpr std::pair<std::string_view, std::string_view> kStorages[] = {
    {"torch FloatStorage", "F32"},     {"torch DoubleStorage", "F64"}, {"torch HalfStorage", "F16"},
    {"torch BFloat16Storage", "BF16"}, {"torch LongStorage", "I64"},   {"torch IntStorage", "I32"},
    {"torch ShortStorage", "I16"},     {"torch CharStorage", "I8"},    {"torch ByteStorage", "U8"},
    {"torch BoolStorage", "BOOL"},
};

std::string_view storage_dtype(std::string_view global) {
  for (const auto& [name, dtype] : kStorages)
    if (name == global) return dtype;
  return {};
}

bool is_allowed(std::string_view global) {
  return global == kRebuildTensor || global == kRebuildParameter || global == kOrderedDict ||
         !storage_dtype(global).empty();
}

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  Pickle run() {
    while (step()) {
    }
    if (stack_.size() != 1 || !marks_.empty()) fail("one value at the end", std::to_string(stack_.size()));
    if (at_ != bytes_.size()) fail("the end of the file", std::to_string(bytes_.size() - at_) + " more bytes");
    pickle_.root = stack_.front();
    return std::move(pickle_);
  }

 private:
  [[noreturn]] void fail(const std::string& expected, const std::string& found) const {
    refuse(file_, opcode_at_, expected, found);
  }

  // Bytes of the program.
  std::span<const std::byte> take(size_t count) {
    if (count > bytes_.size() - at_) fail(std::to_string(count) + " more bytes", std::to_string(bytes_.size() - at_));
    const auto out = bytes_.subspan(at_, count);
    at_ += count;
    return out;
  }
  /// Little-endian, up to 8 bytes.
  uint64_t number(size_t width) {
    uint64_t value = 0;
    const auto raw = take(width);
    for (size_t i = 0; i < width; ++i) value |= std::to_integer<uint64_t>(raw[i]) << (8 * i);
    return value;
  }
  /// Two's complement of `width` bytes, 0 to 8.
  int64_t signed_number(size_t width) {
    const uint64_t value = number(width);
    if (width == 0 || width == 8) return static_cast<int64_t>(value);
    const uint64_t sign = uint64_t{1} << (8 * width - 1);
    return static_cast<int64_t>((value ^ sign) - sign);
  }
  std::string characters(size_t count) {
    const auto raw = take(count);
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }
  std::string line() {
    std::string out;
    for (;;) {
      const char c = static_cast<char>(take(1)[0]);
      if (c == '\n') return out;
      out += c;
    }
  }

  // The stack.
  uint32_t make(PickleValue value) {
    if (pickle_.values.size() == kMostValues) fail("at most " + std::to_string(kMostValues) + " values", "more");
    pickle_.values.push_back(std::move(value));
    return static_cast<uint32_t>(pickle_.values.size() - 1);
  }
  void push(PickleValue value) { stack_.push_back(make(std::move(value))); }
  void push(Kind kind, int64_t integer = 0) { push(PickleValue{kind, integer, {}, {}, {}}); }
  void push_text(std::string text) { push(PickleValue{Kind::text, 0, std::move(text), {}, {}}); }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  uint32_t pop() {
    if (stack_.size() <= floor()) fail("a value on the stack", "none");
    const uint32_t top = stack_.back();
    stack_.pop_back();
    return top;
  }
  PickleValue& top(Kind kind) {
    if (stack_.size() <= floor()) fail("a value on the stack", "none");
    return checked(stack_.back(), kind);
  }
  PickleValue& checked(uint32_t index, Kind kind) {
    PickleValue& value = pickle_.values[index];
    if (value.kind != kind) fail(std::string(kind_name(kind)), std::string(kind_name(value.kind)));
    return value;
  }
  std::vector<uint32_t> pop_to_mark() {
    if (marks_.empty()) fail("a mark on the stack", "none");
    const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    std::vector<uint32_t> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::vector<uint32_t> items) { push(PickleValue{Kind::tuple, 0, {}, {}, std::move(items)}); }
  void push_tuple_of(size_t count) {
    std::vector<uint32_t> items(count);
    for (size_t i = count; i-- > 0;) items[i] = pop();
    push_tuple(std::move(items));
  }
  void append(Kind kind, const std::vector<uint32_t>& items) {
    PickleValue& target = top(kind);
    if (kind == Kind::dictionary && items.size() % 2 != 0) fail("keys with values", "a key without");
    target.items.insert(target.items.end(), items.begin(), items.end());
  }
  void get(uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) fail("a remembered value", "none under " + std::to_string(slot));
    stack_.push_back(found->second);
  }
  void put(uint64_t slot) {
    if (stack_.size() <= floor()) fail("a value on the stack", "none");
    memo_[slot] = stack_.back();
  }

  // What a pickle would call. Here each is a rule that builds a value.
  void global() {
    std::string name = line();
    name += ' ';
    name += line();
    if (!is_allowed(name))
      fail("only tensors, ordered dictionaries and plain values",
           "the global " + printable(name) + ", which a pickle could call; save a plain state dictionary");
    push(PickleValue{Kind::global, 0, std::move(name), {}, {}});
  }
  /// Of the tuple ("storage", storage type, key, device, elements).
  void persistent_id() {
    const std::vector<uint32_t> id = checked(pop(), Kind::tuple).items;
    if (id.size() != 5 || checked(id[0], Kind::text).text != "storage")
      fail("a storage of 5 facts", "another reference");
    const std::string_view dtype = storage_dtype(checked(id[1], Kind::global).text);
    if (dtype.empty()) fail("a storage type", printable(checked(id[1], Kind::global).text));
    const int64_t elements = checked(id[4], Kind::integer).integer;
    if (elements < 0) fail("a number of elements", std::to_string(elements));
    push(PickleValue{Kind::storage, elements, checked(id[2], Kind::text).text, std::string(dtype), {}});
  }
  void reduce() {
    const std::vector<uint32_t> arguments = checked(pop(), Kind::tuple).items;
    const std::string name = checked(pop(), Kind::global).text;
    if (name == kRebuildTensor) return rebuild_tensor(arguments);
    if (name == kRebuildParameter) {
      if (arguments.size() != 3) fail("a parameter of 3 facts", std::to_string(arguments.size()));
      checked(arguments[0], Kind::tensor);
      stack_.push_back(arguments[0]);
      return;
    }
    if (name != kOrderedDict || !arguments.empty())
      fail("a call that is understood", printable(name) + " with arguments");
    push(Kind::dictionary);
  }
  /// Of (storage, offset, size, stride, requires_grad, hooks[, metadata]).
  void rebuild_tensor(const std::vector<uint32_t>& arguments) {
    if (arguments.size() != 6 && arguments.size() != 7) fail("a tensor of 6 facts", std::to_string(arguments.size()));
    checked(arguments[0], Kind::storage);
    checked(arguments[1], Kind::integer);
    for (const size_t i : {size_t{2}, size_t{3}})
      for (const uint32_t extent : std::vector<uint32_t>(checked(arguments[i], Kind::tuple).items))
        checked(extent, Kind::integer);
    if (!checked(arguments[5], Kind::dictionary).items.empty()) fail("no hooks", "some");
    push(PickleValue{Kind::tensor, 0, {}, {}, {arguments.begin(), arguments.begin() + 4}});
  }
  /// Attributes of an ordered dictionary (torch keeps version numbers there); not needed, so dropped.
  void build() {
    checked(pop(), Kind::dictionary);
    top(Kind::dictionary);
  }
  void long_number() {
    const size_t width = number(1);
    if (width > 8) fail("a number within 64 bits", "one of " + std::to_string(width) + " bytes");
    push(Kind::integer, signed_number(width));
  }

  /// One opcode; false after the last.
  bool step();

  std::span<const std::byte> bytes_;
  const std::string& file_;
  size_t at_ = 0, opcode_at_ = 0;
  Pickle pickle_;
  std::vector<uint32_t> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, uint32_t> memo_;
};

bool Machine::step() {
  opcode_at_ = at_;
  const unsigned opcode = std::to_integer<unsigned>(take(1)[0]);
  switch (opcode) {
    case 0x80:  // PROTO
      if (const uint64_t protocol = number(1); opcode_at_ != 0 || protocol > 2)
        fail("protocol 2 at the beginning", "protocol " + std::to_string(protocol));
      return true;
    case '.':
      return false;  // STOP
    case '(':
      marks_.push_back(stack_.size());
      return true;  // MARK
    case 'N':
      push(Kind::none);
      return true;
    case 0x88:
      push(Kind::boolean, 1);
      return true;  // NEWTRUE
    case 0x89:
      push(Kind::boolean, 0);
      return true;  // NEWFALSE
    case 'K':
      push(Kind::integer, static_cast<int64_t>(number(1)));
      return true;  // BININT1
    case 'M':
      push(Kind::integer, static_cast<int64_t>(number(2)));
      return true;  // BININT2
    case 'J':
      push(Kind::integer, signed_number(4));
      return true;  // BININT
    case 0x8a:
      long_number();
      return true;  // LONG1
    case 'G':       // BINFLOAT
      take(8);
      push(Kind::real);
      return true;
    case 'X':
      push_text(characters(number(4)));
      return true;  // BINUNICODE
    case ')':
      push_tuple({});
      return true;  // EMPTY_TUPLE
    case 't':
      push_tuple(pop_to_mark());
      return true;  // TUPLE
    case 0x85:
      push_tuple_of(1);
      return true;
    case 0x86:
      push_tuple_of(2);
      return true;
    case 0x87:
      push_tuple_of(3);
      return true;
    case ']':
      push(Kind::list);
      return true;  // EMPTY_LIST
    case '}':
      push(Kind::dictionary);
      return true;  // EMPTY_DICT
    case 'a':
      append(Kind::list, {pop()});
      return true;  // APPEND
    case 'e':
      append(Kind::list, pop_to_mark());
      return true;  // APPENDS
    case 's': {     // SETITEM
      const uint32_t value = pop(), key = pop();
      append(Kind::dictionary, {key, value});
      return true;
    }
    case 'u':
      append(Kind::dictionary, pop_to_mark());
      return true;  // SETITEMS
    case 'q':
      put(number(1));
      return true;  // BINPUT
    case 'r':
      put(number(4));
      return true;  // LONG_BINPUT
    case 'h':
      get(number(1));
      return true;  // BINGET
    case 'j':
      get(number(4));
      return true;  // LONG_BINGET
    case 'c':
      global();
      return true;
    case 'Q':
      persistent_id();
      return true;  // BINPERSID
    case 'R':
      reduce();
      return true;
    case 'b':
      build();
      return true;
    default:
      fail("an opcode of a state dictionary", "opcode " + std::to_string(opcode));
  }
}

}  // namespace

const PickleValue* Pickle::find(const PickleValue& dictionary, std::string_view key) const {
  for (size_t i = 0; i + 1 < dictionary.items.size(); i += 2) {
    const PickleValue& name = values[dictionary.items[i]];
    if (name.kind == Kind::text && name.text == key) return &values[dictionary.items[i + 1]];
  }
  return nullptr;
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return "a truth value";
    case Kind::integer:
      return "a whole number";
    case Kind::real:
      return "a fraction";
    case Kind::text:
      return "a text";
    case Kind::tuple:
      return "a tuple";
    case Kind::list:
      return "a list";
    case Kind::dictionary:
      return "a dictionary";
    case Kind::global:
      return "a global";
    case Kind::storage:
      return "a storage";
    case Kind::tensor:
      break;
  }
  return "a tensor";
}

Pickle run_pickle(std::span<const std::byte> bytes, const std::string& file) { return Machine(bytes, file).run(); }

}  // namespace pith
