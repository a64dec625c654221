// Which certificate is for which name, and what happens when files change.
#include "controlplane/http/tls_certificates.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/controlplane/http/tls_identity.h"

namespace byon::http {
namespace {

class TlsCertificatesTest : public testing::Test {
 protected:
  TlsCertificates Make(std::vector<TlsFiles> files) {
    return TlsCertificates(std::move(files), [this](bool is_fault, const std::string& what) {
      told_.push_back((is_fault ? "! " : "") + what);
    });
  }
  std::string FaultOf(std::vector<TlsFiles> files) {
    try {
      Make(std::move(files));
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
  static void WriteText(const std::string& file, const std::string& text) { std::ofstream(file) << text; }
  static void Copy(const TlsFiles& from, const TlsFiles& to) {
    CopyOne(from.certificate_file, to.certificate_file);
    CopyOne(from.private_key_file, to.private_key_file);
  }
  static void CopyOne(const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  }

  TlsIdentities disk_;
  std::vector<std::string> told_;
};

TEST_F(TlsCertificatesTest, ANameGetsTheCertificateThatNamesIt) {
  const TlsCertificates certificates =
      Make({disk_.Write("main", "DNS:gw.example,DNS:*.gw.example"),
            disk_.Write("north", "DNS:North.Example,DNS:*.north.example,IP:192.0.2.1"),
            disk_.Write("special", "DNS:a.north.example,DNS:north.example,DNS:*.gw.example")});
  EXPECT_EQ(certificates.Find("north.example"), 1u);
  EXPECT_EQ(certificates.Find("NORTH.example."), 1u);
  EXPECT_EQ(certificates.Find("b.north.example"), 1u);
  EXPECT_EQ(certificates.Find("a.north.example"), 2u);  // its own name before a wildcard
  EXPECT_EQ(certificates.Find("x.gw.example"), 0u);     // the first of two
  for (const char* nobodys :
       {"", ".", "example", "a.b.north.example", ".north.example", "xnorth.example", "192.0.2.1", "*.north.exampl"}) {
    EXPECT_EQ(certificates.Find(nobodys), 0u) << nobodys;
    EXPECT_FALSE(certificates.Names(nobodys)) << nobodys;
  }
  EXPECT_TRUE(certificates.Names("gw.example"));
  EXPECT_EQ(told_, std::vector<std::string>());
}

TEST_F(TlsCertificatesTest, SaysWhichFileIsOfNoUse) {
  const TlsFiles good = disk_.Write("good", "DNS:gw.example");
  const TlsFiles other = disk_.Write("other", "DNS:gw.example");
  const TlsFiles nameless = disk_.Write("nameless", "IP:192.0.2.1");
  WriteText(disk_.Path("text"), "no PEM");
  WriteText(disk_.Path("locked"),
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAc\n-----END ENCRYPTED "
            "PRIVATE KEY-----\n");
  EXPECT_EQ(FaultOf({good, other}), "");
  EXPECT_EQ(FaultOf({nameless}), "");
  EXPECT_NE(FaultOf({good, nameless}).find("nameless.pem"), std::string::npos);
  EXPECT_NE(FaultOf({good, nameless}).find("names no host"), std::string::npos);
  EXPECT_NE(FaultOf({{disk_.Path("nothing"), good.private_key_file}}).find("a file cannot be read"), std::string::npos);
  EXPECT_NE(FaultOf({{disk_.Path("text"), good.private_key_file}}).find("no certificate in PEM"), std::string::npos);
  EXPECT_NE(FaultOf({{good.certificate_file, disk_.Path("text")}}).find("no private key"), std::string::npos);
  EXPECT_NE(FaultOf({{good.certificate_file, disk_.Path("locked")}}).find("without a passphrase"), std::string::npos);
  EXPECT_NE(FaultOf({good, {good.certificate_file, other.private_key_file}}).find("not that of the certificate"),
            std::string::npos);
}

TEST_F(TlsCertificatesTest, WhatHasEndedIsToldAndCanBeSeen) {
  const TlsCertificates certificates =
      Make({disk_.Write("main", "DNS:gw.example"), disk_.Write("old", "DNS:old.example", false, -60)});
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0], "! http.tls: " + disk_.Path("old.pem") + " is not valid today: browsers will refuse it.");
  const auto figures = certificates.figures();
  ASSERT_EQ(figures.size(), 2u);
  EXPECT_EQ(figures[1].file, disk_.Path("old.pem"));
  const double distance = std::difftime(figures[0].not_after, figures[1].not_after);
  EXPECT_NEAR(distance, 3660, 30);
}

TEST_F(TlsCertificatesTest, TakesUpRenewedFiles) {
  const TlsFiles main = disk_.Write("main", "DNS:gw.example");
  TlsCertificates certificates = Make({main, disk_.Write("north", "DNS:north.example")});
  certificates.Refresh();
  EXPECT_EQ(told_, std::vector<std::string>());
  disk_.Write("north", "DNS:north.example,DNS:new.example");
  EXPECT_FALSE(certificates.Names("new.example"));
  certificates.Refresh();
  EXPECT_EQ(certificates.Find("new.example"), 1u);
  EXPECT_EQ(told_, std::vector<std::string>{"http.tls: " + disk_.Path("north.pem") + " was renewed."});
}

TEST_F(TlsCertificatesTest, KeepsTheFormerOneWhileFilesAreOfNoUse) {
  const TlsFiles main = disk_.Write("main", "DNS:gw.example");
  const TlsFiles next = disk_.Write("next", "DNS:next.example");
  TlsCertificates certificates = Make({main});
  // The one file is written after the other.
  CopyOne(next.certificate_file, main.certificate_file);
  certificates.Refresh();
  EXPECT_EQ(told_, std::vector<std::string>()) << "it may be being written";
  EXPECT_TRUE(certificates.Names("gw.example"));
  // Forgotten: told once.
  for (int i = 0; i < 3; ++i) certificates.Refresh();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_TRUE(told_[0].starts_with("! ")) << told_[0];
  EXPECT_NE(told_[0].find("main.pem"), std::string::npos);
  EXPECT_NE(told_[0].find("The former certificate stays in use."), std::string::npos);
  std::filesystem::remove(main.private_key_file);
  for (int i = 0; i < 3; ++i) certificates.Refresh();
  ASSERT_EQ(told_.size(), 2u);
  EXPECT_NE(told_[1].find("a file cannot be read"), std::string::npos);
  EXPECT_TRUE(certificates.Names("gw.example"));
  CopyOne(next.private_key_file, main.private_key_file);
  certificates.Refresh();
  EXPECT_TRUE(certificates.Names("next.example"));
  EXPECT_EQ(told_.size(), 3u);
}

}  // namespace
}  // namespace byon::http
