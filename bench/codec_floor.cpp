// B00, the floor under every full scan: pread and the bare codec into a reused buffer, none of our
// pipeline.
//
//   codec_floor ARRAY_DIRECTORY none|zstd|gzip|blosc CHUNK_BYTES [THREADS]
//
// ARRAY_DIRECTORY holds the chunk files (at any depth); CHUNK_BYTES is the decoded size of one.
// Prints one JSON line. Listing the files is not measured.

#include <blosc.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "process_meter.h"

namespace colonnade::bench {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> ChunkFiles(const fs::path& directory) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.starts_with('.') && name != "zarr.json") {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// One thread's buffers and codec state, reused from chunk to chunk.
class Worker {
 public:
  Worker(std::string codec, size_t chunk_bytes)
      : codec_(std::move(codec)), chunk_bytes_(chunk_bytes), decoded_(new char[chunk_bytes]) {}
  ~Worker() {
    ZSTD_freeDCtx(zstd_);
    libdeflate_free_decompressor(deflate_);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// False if the file cannot be read or does not decode to a chunk.
  bool Decode(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    struct stat status{};
    bool ok = fstat(file, &status) == 0;
    const size_t size = static_cast<size_t>(status.st_size);
    char* target = codec_ == "none" ? decoded_.get() : Encoded(size);
    ok = ok && (codec_ != "none" || size == chunk_bytes_);
    for (size_t done = 0; ok && done < size;) {
      const ssize_t got = pread(file, target + done, size - done, static_cast<off_t>(done));
      ok = got > 0;
      if (ok) done += static_cast<size_t>(got);
    }
    close(file);
    if (!ok || codec_ == "none") return ok;
    if (codec_ == "zstd") {
      return ZSTD_decompressDCtx(zstd_, decoded_.get(), chunk_bytes_, target, size) == chunk_bytes_;
    }
    if (codec_ == "gzip") {
      return libdeflate_gzip_decompress(deflate_, target, size, decoded_.get(), chunk_bytes_,
                                        nullptr) == LIBDEFLATE_SUCCESS;
    }
    return blosc_decompress_ctx(target, decoded_.get(), chunk_bytes_, 1) ==
           static_cast<int>(chunk_bytes_);
  }

 private:
  char* Encoded(size_t size) {
    if (size > capacity_) {
      encoded_.reset(new char[size]);
      capacity_ = size;
    }
    return encoded_.get();
  }

  std::string codec_;
  size_t chunk_bytes_;
  std::unique_ptr<char[]> decoded_;  // not zeroed, unlike a vector
  std::unique_ptr<char[]> encoded_;
  size_t capacity_ = 0;
  ZSTD_DCtx* zstd_ = ZSTD_createDCtx();
  libdeflate_decompressor* deflate_ = libdeflate_alloc_decompressor();
};

int Run(const std::string& directory, const std::string& codec, size_t chunk_bytes, int threads) {
  const std::vector<std::string> files = ChunkFiles(directory);
  if (files.empty()) {
    std::fprintf(stderr, "codec_floor: no chunks below %s\n", directory.c_str());
    return 1;
  }
  ResetPeak();
  const double resident_mb = ResidentMb();
  const Usage start = Now();
  std::atomic<size_t> next = 0;
  std::atomic<size_t> failed = 0;
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; ++i) {
    pool.emplace_back([&] {
      Worker worker(codec, chunk_bytes);
      for (size_t at = next++; at < files.size(); at = next++)
        failed += worker.Decode(files[at]) ? 0 : 1;
    });
  }
  for (auto& thread : pool) thread.join();
  const Usage done = Now();
  if (failed != 0) {
    std::fprintf(stderr, "codec_floor: %zu of %zu chunks do not decode to %zu bytes\n",
                 failed.load(), files.size(), chunk_bytes);
    return 1;
  }
  std::printf(
      "{\"open_cpu_s\": 0, \"open_wall_s\": 0, \"cpu_s\": %.6f, \"wall_s\": %.6f, \"memory_mb\": "
      "%.1f, "
      "\"read_mb\": %.3f, \"rows\": %zu, \"decoded_mb\": %.1f}\n",
      done.cpu_s - start.cpu_s, done.wall_s - start.wall_s, PeakMb() - resident_mb,
      done.read_mb - start.read_mb, files.size(),
      static_cast<double>(files.size()) * static_cast<double>(chunk_bytes) / 1e6);
  return 0;
}

}  // namespace
}  // namespace colonnade::bench

int main(int argc, char** argv) {
  const std::string codec = argc > 2 ? argv[2] : "";
  if (argc < 4 || (codec != "none" && codec != "zstd" && codec != "gzip" && codec != "blosc")) {
    std::fprintf(stderr,
                 "usage: codec_floor ARRAY_DIRECTORY none|zstd|gzip|blosc CHUNK_BYTES [THREADS]\n");
    return 2;
  }
  return colonnade::bench::Run(argv[1], codec, std::strtoull(argv[3], nullptr, 10),
                               argc > 4 ? std::max(1, std::atoi(argv[4])) : 1);
}
