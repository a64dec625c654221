#include "controlplane/registration/text_packer.h"

#include <gtest/gtest.h>

#include <random>

namespace byon::registration {
namespace {

std::vector<std::string> Record(int number, std::mt19937& random) {
  std::string nonce;
  for (int i = 0; i < 32; ++i) nonce += "0123456789abcdef"[random() % 16];
  return {"sip:+346" + std::to_string(number) + "@ims.example", "", nonce, "<sip:orig@scscf.ims.example;lr>"};
}

PackedTexts Pack(TextPacker& packer, const std::vector<std::string>& texts) {
  return packer.Pack(std::vector<std::string_view>(texts.begin(), texts.end()));
}

TEST(TextPacker, AllComeBackAndLaterOnesAreSmall) {
  std::mt19937 random(1);
  TextPacker packer;
  std::vector<std::pair<std::vector<std::string>, PackedTexts>> kept;
  for (int i = 0; i < 1000; ++i) {
    auto record = Record(10'000'000 + i, random);
    kept.emplace_back(record, Pack(packer, record));
  }
  for (const auto& [record, packed] : kept) EXPECT_EQ(packer.Unpack(packed), record);
  // 16 bytes of the nonce and some of the number are news.
  EXPECT_LT(kept.back().second.size_bytes(), 50u);
  EXPECT_GT(kept.front().second.size_bytes(), 90u);
}

TEST(TextPacker, WhatIsLikeNoOtherComesBackToo) {
  std::mt19937 random(2);
  TextPacker packer;
  for (int i = 0; i < 300; ++i) (void)Pack(packer, Record(i, random));
  std::string noise(100'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  for (const std::vector<std::string>& texts : {std::vector<std::string>{noise},
                                                {std::string(300'000, 'a')},
                                                {""},
                                                {"", "", ""},
                                                {std::string(127, 'b'), std::string(128, 'c')}}) {
    EXPECT_EQ(packer.Unpack(Pack(packer, texts)), texts);
  }
  EXPECT_TRUE(packer.Unpack(PackedTexts()).empty());
}

TEST(TextPacker, SamplesThatTeachNothingDoNoHarm) {
  TextPacker packer;
  for (size_t i = 0; i < TextPacker::kSamples + 10; ++i) {
    const auto packed = Pack(packer, {""});
    EXPECT_EQ(packer.Unpack(packed), std::vector<std::string>{""});
  }
}

}  // namespace
}  // namespace byon::registration
