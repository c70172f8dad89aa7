// Terminals: what is one, how wide it is, and the progress line.

#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/engine.h"

namespace colonnade::cli {

/// Columns of the terminal behind a descriptor; 0 if it is none.
int TerminalWidth(int descriptor);

/// True if text to this descriptor may have colours: a terminal, and NO_COLOR is not set.
bool UseColor(int descriptor);

/// Shows a line with chunks, bytes, rate and remaining time on standard error while a query runs,
/// if that is a terminal and the query takes longer than half a second. Stops and wipes the line on
/// destruction.
class ProgressLine {
 public:
  explicit ProgressLine(const engine::Connection& connection);
  ~ProgressLine();
  /// Wipes the line for good; call before printing to the terminal.
  void Stop();

 private:
  void Loop();

  const engine::Connection& connection_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

/// Interrupts a connection on SIGINT and SIGTERM, on a thread of its own, until destroyed. At most
/// one at a time; made before any other thread, so that all of them leave the signals to it.
class InterruptOnSignal {
 public:
  InterruptOnSignal();
  ~InterruptOnSignal();
  /// From now on signals interrupt this connection (borrowed).
  void Watch(engine::Connection* connection);
  bool interrupted() const { return interrupted_; }

 private:
  void Loop();

  std::mutex mutex_;
  engine::Connection* connection_ = nullptr;
  std::atomic<bool> interrupted_ = false;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace colonnade::cli
