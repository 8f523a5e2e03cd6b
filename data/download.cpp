#include "data/download.h"

#include <curl/curl.h>

#include <memory>
#include <new>

#include "tensor/error.h"

namespace pith::data {
namespace {

struct Sink {
  std::vector<std::byte> bytes;
  size_t limit;
  bool full = false;
};

/// libcurl's write function: anything but the number of bytes taken ends the transfer. Must not throw through C.
size_t take(const char* data, size_t, size_t count, void* object) noexcept {
  auto& sink = *static_cast<Sink*>(object);
  if (count > sink.limit - sink.bytes.size()) {
    sink.full = true;
    return 0;
  }
  try {
    const auto* p = reinterpret_cast<const std::byte*>(data);
    sink.bytes.insert(sink.bytes.end(), p, p + count);
  } catch (const std::bad_alloc&) {
    return 0;
  }
  return count;
}

/// libcurl wants its process-wide start once, before any transfer.
CURLcode start_once() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  return code;
}

void set_up(CURL* c, const std::string& url, Sink& sink, char* error) {
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(c, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 20L);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1000L);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "pith");
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &take);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &sink);
}

}  // namespace

std::vector<std::byte> download(const std::string& url, size_t limit) {
  if (start_once() != CURLE_OK) throw IoError(url + ": libcurl could not start");
  const std::unique_ptr<CURL, void (*)(CURL*)> c(curl_easy_init(), curl_easy_cleanup);
  if (!c) throw IoError(url + ": libcurl could not start");
  Sink sink{{}, limit};
  char error[CURL_ERROR_SIZE] = "";
  set_up(c.get(), url, sink, error);
  const CURLcode code = curl_easy_perform(c.get());
  if (sink.full) throw IoError(url + ": sends more than the " + std::to_string(limit) + " bytes expected");
  if (code != CURLE_OK) throw IoError(url + ": " + (*error ? error : curl_easy_strerror(code)));
  return std::move(sink.bytes);
}

}  // namespace pith::data
