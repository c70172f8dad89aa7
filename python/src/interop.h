// Where C++ and Python meet: the interpreter lock, exceptions and Arrow capsules.

#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "arrow/owners.h"
#include "base/status.h"

namespace colonnade::python {

namespace nb = nanobind;

/// Gives the interpreter lock up for a scope, around everything that may block. A thread whose work
/// ends after the interpreter stops there for good: CPython would unwind its C++ stack.
/// \pre the interpreter lock is held
class GilRelease {
 public:
  GilRelease();
  ~GilRelease();
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;

 private:
  PyThreadState* saved_ = nullptr;
};

/// Takes the interpreter lock for a scope, on any thread, if there is still an interpreter. Threads
/// that ask for the lock while Python shuts down are stopped where they stand, so ask first:
///
///     GilAcquire gil;
///     if (!gil.held()) return gil.status();
class GilAcquire {
 public:
  GilAcquire();
  ~GilAcquire();
  GilAcquire(const GilAcquire&) = delete;
  GilAcquire& operator=(const GilAcquire&) = delete;
  bool held() const { return held_; }
  /// InvalidState("the Python interpreter has ended") if it is not held.
  Status status() const;

 private:
  bool held_ = false;
  bool entered_ = false;  // the lock was taken here, and is given back
  PyGILState_STATE state_{};
};

/// Lets no thread into the interpreter any more, except the one that calls, and waits a while for
/// those that are inside to come out and for those that are away to come back. For when Python
/// begins to end.
///
/// \pre the interpreter lock is held
void CloseToThreads(std::chrono::milliseconds patience);

/// A Python object that may be copied and dropped on any thread, with or without the interpreter
/// lock. Once Python has ended it is leaked.
class SharedObject {
 public:
  SharedObject() = default;
  /// \pre the interpreter lock is held
  explicit SharedObject(nb::object object);
  /// Borrowed; the interpreter lock must be held to use it.
  nb::handle get() const { return object_ ? *object_ : nb::handle(); }
  explicit operator bool() const { return object_ != nullptr; }
  /// True if no copy of this holds the object too.
  bool is_sole() const { return object_.use_count() == 1; }

 private:
  std::shared_ptr<nb::handle> object_;
};

/// The failure that the Python exception being handled stands for: call in `catch
/// (nb::python_error&)`. The exception itself is kept under Status::cause() until RaiseStatus takes
/// it out. KeyboardInterrupt becomes Cancelled. `what` is what was being called, for those who see
/// only the message.
///
/// \pre the interpreter lock is held
Status StatusFromPython(nb::python_error& error, std::string_view what);

/// Raises what a failure stands for: the kept exception itself, with its traceback, or
/// colonnade.errors' class for the code. \pre the interpreter lock is held; the status is not OK
[[noreturn]] void RaiseStatus(const Status& status);

/// Drops the exceptions that are still kept. When Python ends. \pre the interpreter lock is held
void DropKeptExceptions();

/// The exception object that RaiseStatus would raise.
nb::object ExceptionOf(const Status& status);

inline void RaiseIfError(const Status& status) {
  if (!status.ok()) RaiseStatus(status);
}
template <typename T>
T ValueOrRaise(Result<T> result) {
  if (!result.ok()) RaiseStatus(result.status());
  return *std::move(result);
}

/// What a thread that runs a query polls (engine::Connection::SetPoll): Python's signal handlers,
/// if this is the main thread. A raised KeyboardInterrupt comes back as a status with a cause.
std::function<Status()> SignalPoll();

/// Capsules of the Arrow PyCapsule interface. They own what they hold and release it when nobody
/// took it out.
nb::object MakeCapsule(arrow::Schema schema);
nb::object MakeCapsule(arrow::Array array);
nb::object MakeCapsule(arrow::ArrayStream stream);

/// Moves the struct out of a capsule.
/// \error InvalidArgument naming what was expected and what came; InvalidState if it is empty.
Result<arrow::Schema> TakeSchema(nb::handle capsule);
Result<arrow::Array> TakeArray(nb::handle capsule);
Result<arrow::ArrayStream> TakeStream(nb::handle capsule);

}  // namespace colonnade::python
