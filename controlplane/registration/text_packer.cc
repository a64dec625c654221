#include "controlplane/registration/text_packer.h"

#include <zdict.h>
#include <zstd.h>

#include <cstdint>
#include <cstring>
#include <functional>

#include "dataplane/base/check.h"

namespace byon::registration {
namespace {

// In front of each block: how long it is, and in the highest bit whether it is compressed.
using Header = uint32_t;
constexpr Header kIsCompressed = Header{1} << 31;
constexpr Header kMaxSize = kIsCompressed - 1;

constexpr size_t kDictionaryBytes = 16 * 1024;
constexpr int kLevel = 3;  // zstd's own default

void AppendLength(std::string& out, size_t length) {
  for (; length >= 0x80; length >>= 7) out += static_cast<char>((length & 0x7f) | 0x80);
  out += static_cast<char>(length);
}

std::string Join(std::span<const std::string_view> texts) {
  std::string plain;
  for (const std::string_view text : texts) {
    AppendLength(plain, text.size());
    plain += text;
  }
  return plain;
}

std::vector<std::string> Split(std::string_view plain) {
  std::vector<std::string> texts;
  while (!plain.empty()) {
    size_t length = 0;
    size_t used = 0;
    for (unsigned char byte = 0x80; (byte & 0x80) != 0; ++used) {
      byte = static_cast<unsigned char>(plain[used]);
      length |= static_cast<size_t>(byte & 0x7f) << (7 * used);
    }
    texts.emplace_back(plain.substr(used, length));
    plain.remove_prefix(used + length);
  }
  return texts;
}

Header HeaderOf(const std::byte* block) {
  Header header = 0;
  std::memcpy(&header, block, sizeof(header));
  return header;
}

size_t BlockSize(const std::byte* block) { return sizeof(Header) + (HeaderOf(block) & kMaxSize); }

}  // namespace

TextHash HashOfText(std::string_view text) {
  const uint64_t hash = std::hash<std::string_view>()(text);
  return static_cast<TextHash>(hash ^ hash >> 32);
}

size_t PackedTexts::size_bytes() const { return block_ == nullptr ? 0 : BlockSize(block_.get()); }

void FreePacked::operator()(std::byte* block) const { pool->deallocate(block, BlockSize(block), alignof(Header)); }

// The library's objects, all made for one dictionary.
class TextPacker::Zstd {
 public:
  explicit Zstd(const std::string& dictionary)
      : compressor_(ZSTD_createCCtx()),
        decompressor_(ZSTD_createDCtx()),
        compressing_(ZSTD_createCDict(dictionary.data(), dictionary.size(), kLevel)),
        decompressing_(ZSTD_createDDict(dictionary.data(), dictionary.size())) {
    BYON_CHECK(compressor_ && decompressor_ && compressing_ && decompressing_, "no memory for zstd");
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_dictIDFlag, 0);
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_checksumFlag, 0);
    BYON_CHECK(ZSTD_isError(ZSTD_CCtx_refCDict(compressor_.get(), compressing_.get())) == 0,
               "zstd refuses its dictionary");
  }

  // Empty when it would not become smaller.
  std::string_view Compress(std::string_view plain) {
    buffer_.resize(ZSTD_compressBound(plain.size()));
    const size_t size = ZSTD_compress2(compressor_.get(), buffer_.data(), buffer_.size(), plain.data(), plain.size());
    if (ZSTD_isError(size) != 0 || size >= plain.size()) return {};
    return {buffer_.data(), size};
  }

  std::string_view Decompress(std::string_view packed) {
    buffer_.resize(ZSTD_getFrameContentSize(packed.data(), packed.size()));
    const size_t size = ZSTD_decompress_usingDDict(decompressor_.get(), buffer_.data(), buffer_.size(), packed.data(),
                                                   packed.size(), decompressing_.get());
    BYON_CHECK(size == buffer_.size(), "a packed record was damaged in memory");
    return buffer_;
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* object) const { ZSTD_freeCCtx(object); }
    void operator()(ZSTD_DCtx* object) const { ZSTD_freeDCtx(object); }
    void operator()(ZSTD_CDict* object) const { ZSTD_freeCDict(object); }
    void operator()(ZSTD_DDict* object) const { ZSTD_freeDDict(object); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> compressor_;
  std::unique_ptr<ZSTD_DCtx, Free> decompressor_;
  std::unique_ptr<ZSTD_CDict, Free> compressing_;
  std::unique_ptr<ZSTD_DDict, Free> decompressing_;
  std::string buffer_;
};

TextPacker::TextPacker() = default;
TextPacker::~TextPacker() = default;

PackedTexts TextPacker::Pack(std::span<const std::string_view> texts) {
  const std::string plain = Join(texts);
  if (zstd_ == nullptr) Learn(plain);
  const std::string_view small = zstd_ == nullptr ? std::string_view() : zstd_->Compress(plain);
  const std::string_view kept = small.empty() ? std::string_view(plain) : small;
  BYON_CHECK(kept.size() <= kMaxSize, "texts of 2 GiB");
  const Header header = static_cast<Header>(kept.size()) | (small.empty() ? 0 : kIsCompressed);
  PackedTexts packed;
  packed.block_ = {static_cast<std::byte*>(pool_.allocate(sizeof(header) + kept.size(), alignof(Header))),
                   FreePacked{&pool_}};
  std::memcpy(packed.block_.get(), &header, sizeof(header));
  std::memcpy(packed.block_.get() + sizeof(header), kept.data(), kept.size());
  return packed;
}

std::vector<std::string> TextPacker::Unpack(const PackedTexts& packed) const {
  if (packed.is_empty()) return {};
  const Header header = HeaderOf(packed.block_.get());
  const std::string_view kept(reinterpret_cast<const char*>(packed.block_.get() + sizeof(header)), header & kMaxSize);
  return Split((header & kIsCompressed) != 0 ? zstd_->Decompress(kept) : kept);
}

// The last samples themselves, and what all of them say of how often which character comes.
void TextPacker::Learn(std::string_view plain) {
  samples_ += plain;
  sample_sizes_.push_back(plain.size());
  if (sample_sizes_.size() < kSamples) return;
  const std::string_view content =
      std::string_view(samples_).substr(samples_.size() - std::min(samples_.size(), kDictionaryBytes / 2));
  std::string dictionary(kDictionaryBytes, '\0');
  const size_t size =
      ZDICT_finalizeDictionary(dictionary.data(), dictionary.size(), content.data(), content.size(), samples_.data(),
                               sample_sizes_.data(), static_cast<unsigned>(sample_sizes_.size()), {});
  // Too little or too even to count characters of: the samples alone serve as well.
  if (ZDICT_isError(size) != 0) {
    dictionary = content;
  } else {
    dictionary.resize(size);
  }
  zstd_ = std::make_unique<Zstd>(dictionary);
  samples_ = {};
  sample_sizes_ = {};
}

}  // namespace byon::registration
