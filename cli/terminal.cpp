#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace colonnade::cli {
namespace {

std::string Megabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

}  // namespace

int TerminalWidth(int descriptor) {
  if (::isatty(descriptor) == 0) return 0;
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool UseColor(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  if (no_color != nullptr && *no_color != '\0') return false;
  if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
  return ::isatty(descriptor) != 0;
}

ProgressLine::ProgressLine(const engine::Connection& connection) : connection_(connection) {
  if (TerminalWidth(STDERR_FILENO) > 0) thread_ = std::thread([this] { Loop(); });
}

ProgressLine::~ProgressLine() { Stop(); }

void ProgressLine::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ProgressLine::Loop() {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  bool shown = false;
  std::unique_lock lock(mutex_);
  auto pause = std::chrono::milliseconds(500);
  while (!wake_.wait_for(lock, pause, [this] { return stop_; })) {
    pause = std::chrono::milliseconds(100);
    const engine::QueryStats stats = connection_.stats();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::string line =
        std::to_string(stats.chunks_read + stats.chunks_filled) + " chunks, " +
        Megabytes(stats.bytes_read) + ", " +
        Megabytes(static_cast<uint64_t>(static_cast<double>(stats.bytes_read) / seconds)) + "/s";
    if (stats.tiles_total > 0 && stats.tiles_done > 0) {
      const double done =
          static_cast<double>(stats.tiles_done) / static_cast<double>(stats.tiles_total);
      char text[64];
      std::snprintf(text, sizeof(text), "%3.0f %%, %.0f s left: ", done * 100,
                    seconds / done - seconds);
      line = text + line;
    }
    const auto width = static_cast<size_t>(TerminalWidth(STDERR_FILENO));
    if (width > 1 && line.size() > width - 1) line.resize(width - 1);
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    std::fflush(stderr);
    shown = true;
  }
  if (shown) {
    std::fprintf(stderr, "\r\033[K");
    std::fflush(stderr);
  }
}

InterruptOnSignal::InterruptOnSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::thread([this] { Loop(); });
}

InterruptOnSignal::~InterruptOnSignal() {
  stop_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

void InterruptOnSignal::Watch(engine::Connection* connection) {
  const std::lock_guard lock(mutex_);
  connection_ = connection;
  if (connection_ != nullptr && interrupted_) connection_->Interrupt();
}

void InterruptOnSignal::Loop() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGUSR1);
  while (!stop_) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0 || signal == SIGUSR1) continue;
    // The second one means it: something is not stopping.
    if (interrupted_.exchange(true)) ::_exit(130);
    const std::lock_guard lock(mutex_);
    if (connection_ != nullptr) connection_->Interrupt();
  }
}

}  // namespace colonnade::cli
