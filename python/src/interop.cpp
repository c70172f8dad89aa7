#include "interop.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

namespace colonnade::python {
namespace {

// Exceptions that statuses stand for, by Status::cause(). Guarded by the interpreter lock. A
// failure that nobody raises (another one won) leaves its exception here, so only the latest are
// kept.
constexpr size_t kMaxKeptExceptions = 256;

struct KeptExceptions {
  std::map<uint64_t, nb::object> by_cause;
  uint64_t last = 0;
};

KeptExceptions& Kept() {
  static auto* kept = new KeptExceptions;  // never destroyed: that would need the interpreter
  return *kept;
}

bool InterpreterHasEnded() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsInitialized() == 0 || Py_IsFinalizing() != 0;
#else
  return Py_IsInitialized() == 0 || _Py_IsFinalizing() != 0;
#endif
}

template <typename Owner, typename Struct>
nb::object Capsule(Owner owner, const char* name) {
  auto* held = new Struct{};
  owner.MoveTo(held);
  PyObject* capsule = PyCapsule_New(held, name, [](PyObject* self) {
    auto* value = static_cast<Struct*>(PyCapsule_GetPointer(self, PyCapsule_GetName(self)));
    if (value == nullptr) return;
    if (value->release != nullptr) value->release(value);
    delete value;
  });
  if (capsule == nullptr) {
    if (held->release != nullptr) held->release(held);
    delete held;
    throw nb::python_error();
  }
  return nb::steal(capsule);
}

template <typename Owner, typename Struct>
Result<Owner> Take(nb::handle capsule, const char* name) {
  if (!PyCapsule_CheckExact(capsule.ptr()))
    return InvalidArgument("a capsule \"", name, "\" is needed, not ",
                           nb::type_name(capsule.type()).c_str());
  if (!PyCapsule_IsValid(capsule.ptr(), name)) {
    const char* other = PyCapsule_GetName(capsule.ptr());
    return InvalidArgument("a capsule \"", name, "\" is needed, not \"",
                           other != nullptr ? other : "", "\"");
  }
  auto* value = static_cast<Struct*>(PyCapsule_GetPointer(capsule.ptr(), name));
  if (value->release == nullptr)
    return InvalidState("the capsule \"", name, "\" is empty: it has been read before");
  return Owner::TakeFrom(value);
}

// A stream as Python consumers see it: some of them pull while they hold the interpreter lock,
// which the threads behind the stream may need.
struct UnlockedStream {
  arrow::ArrayStream inner;

  static UnlockedStream& Of(ArrowArrayStream* stream) {
    return *static_cast<UnlockedStream*>(stream->private_data);
  }
  template <typename Call>
  static auto Unlocked(Call call) {
    if (InterpreterHasEnded() || PyGILState_Check() == 0) return call();
    GilRelease release;
    return call();
  }
  static int GetSchema(ArrowArrayStream* stream, ArrowSchema* out) {
    ArrowArrayStream* inner = Of(stream).inner.get();
    return Unlocked([&] { return inner->get_schema(inner, out); });
  }
  static int GetNext(ArrowArrayStream* stream, ArrowArray* out) {
    ArrowArrayStream* inner = Of(stream).inner.get();
    return Unlocked([&] { return inner->get_next(inner, out); });
  }
  static const char* GetLastError(ArrowArrayStream* stream) {
    ArrowArrayStream* inner = Of(stream).inner.get();
    return inner->get_last_error(inner);
  }
  static void Release(ArrowArrayStream* stream) {
    auto* self = &Of(stream);
    Unlocked([&] {
      delete self;
      return 0;
    });
    stream->private_data = nullptr;
    stream->release = nullptr;
  }
};

}  // namespace

namespace {

// Once Python ends, a thread that asks for the interpreter lock is killed where it stands, with the
// destructors on its stack. So none may be inside then, and none may enter.
const pid_t g_process = ::getpid();
// Threads that hold the lock by GilAcquire, that gave it up by GilRelease, and those of the latter
// that wait for it.
std::atomic<int> g_threads_inside = 0;
std::atomic<int> g_threads_away = 0;
std::atomic<int> g_threads_returning = 0;
std::atomic<bool> g_closed = false;

// True on the thread that has the interpreter lock, also while Python ends.
bool HasLock() {
  PyThreadState* mine = PyGILState_GetThisThreadState();
#if PY_VERSION_HEX >= 0x030D0000
  return mine != nullptr && mine == PyThreadState_GetUnchecked();
#else
  return mine != nullptr && mine == _PyThreadState_UncheckedGet();
#endif
}

}  // namespace

GilAcquire::GilAcquire() {
  if (HasLock()) {
    held_ = true;
    return;
  }
  ++g_threads_inside;
  if (g_closed || InterpreterHasEnded()) {
    --g_threads_inside;
    return;
  }
  state_ = PyGILState_Ensure();
  held_ = entered_ = true;
}

GilAcquire::~GilAcquire() {
  if (!entered_) return;
  PyGILState_Release(state_);
  --g_threads_inside;
}

GilRelease::GilRelease() {
  // While Python ends, no other thread may have the lock.
  if (g_closed) return;
  ++g_threads_away;
  saved_ = PyEval_SaveThread();
}

GilRelease::~GilRelease() {
  if (saved_ == nullptr) return;
  ++g_threads_returning;
  if (g_closed) {
    --g_threads_returning;
    for (;;) ::pause();
  }
  PyEval_RestoreThread(saved_);
  --g_threads_returning;
  --g_threads_away;
}

void CloseToThreads(std::chrono::milliseconds patience) {
  if (::getpid() != g_process) {
    g_closed = true;  // the threads are in the process that this one was forked from
    return;
  }
  const auto end = std::chrono::steady_clock::now() + patience;
  const auto wait_for = [end](const std::atomic<int>& count) {
    while (count > 0 && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  PyThreadState* saved = PyEval_SaveThread();
  wait_for(g_threads_away);
  g_closed = true;
  wait_for(g_threads_returning);
  wait_for(g_threads_inside);
  PyEval_RestoreThread(saved);
}

Status GilAcquire::status() const {
  if (held_) return {};
  return InvalidState("the Python interpreter has ended");
}

SharedObject::SharedObject(nb::object object)
    : object_(new nb::handle(object.release()), [](nb::handle* held) {
        // Without an interpreter there is nothing left to give it back to.
        if (GilAcquire gil; gil.held()) held->dec_ref();
        delete held;
      }) {}

Status StatusFromPython(nb::python_error& error, std::string_view what) {
  nb::object exception = nb::borrow(error.value());
  if (error.traceback().is_valid() && !error.traceback().is_none())
    PyException_SetTraceback(exception.ptr(), error.traceback().ptr());
  std::string message = nb::type_name(exception.type()).c_str();
  try {
    const std::string text = nb::str(exception).c_str();
    if (!text.empty()) message += ": " + text;
  } catch (nb::python_error&) {  // its __str__ raised: the type has to do
  }
  if (!what.empty()) message = std::string(what) + ": " + message;
  const bool interrupted = PyErr_GivenExceptionMatches(exception.ptr(), PyExc_KeyboardInterrupt);
  KeptExceptions& kept = Kept();
  const uint64_t cause = ++kept.last;
  kept.by_cause.emplace(cause, std::move(exception));
  if (kept.by_cause.size() > kMaxKeptExceptions) kept.by_cause.erase(kept.by_cause.begin());
  return Status(interrupted ? StatusCode::kCancelled : StatusCode::kInvalidArgument,
                std::move(message))
      .WithCause(cause);
}

void DropKeptExceptions() { Kept().by_cause.clear(); }

nb::object ExceptionOf(const Status& status) {
  KeptExceptions& kept = Kept();
  if (auto found = kept.by_cause.extract(status.cause()); !found.empty())
    return std::move(found.mapped());
  static constexpr const char* kRecoveries[] = {"none", "retry", "reconnect", "resend"};
  const std::string_view unknown = status.unknown_name();
  return nb::module_::import_("colonnade.errors")
      .attr("make")(nb::str(StatusCodeName(status.code()).data()),
                    nb::str(status.message().data(), status.message().size()),
                    nb::str(kRecoveries[static_cast<int>(status.recovery())]),
                    nb::str(unknown.data(), unknown.size()));
}

void RaiseStatus(const Status& status) {
  nb::object exception = ExceptionOf(status);
  PyErr_SetObject(exception.type().ptr(), exception.ptr());
  throw nb::python_error();
}

std::function<Status()> SignalPoll() {
  const nb::object threading = nb::module_::import_("threading");
  if (!threading.attr("current_thread")().is(threading.attr("main_thread")())) return nullptr;
  // Taking the interpreter lock costs more than most pieces of work.
  static constexpr auto kPause = std::chrono::milliseconds(20);
  return [last = std::chrono::steady_clock::now() - kPause]() mutable -> Status {
    const auto now = std::chrono::steady_clock::now();
    if (now - last < kPause) return {};
    last = now;
    GilAcquire gil;
    if (!gil.held()) return gil.status();
    if (PyErr_CheckSignals() == 0) return {};
    nb::python_error error;
    return StatusFromPython(error, "");
  };
}

nb::object MakeCapsule(arrow::Schema schema) {
  return Capsule<arrow::Schema, ArrowSchema>(std::move(schema), "arrow_schema");
}

nb::object MakeCapsule(arrow::Array array) {
  return Capsule<arrow::Array, ArrowArray>(std::move(array), "arrow_array");
}

nb::object MakeCapsule(arrow::ArrayStream stream) {
  arrow::ArrayStream outer;
  *outer.out() = {UnlockedStream::GetSchema, UnlockedStream::GetNext, UnlockedStream::GetLastError,
                  UnlockedStream::Release, new UnlockedStream{std::move(stream)}};
  return Capsule<arrow::ArrayStream, ArrowArrayStream>(std::move(outer), "arrow_array_stream");
}

Result<arrow::Schema> TakeSchema(nb::handle capsule) {
  return Take<arrow::Schema, ArrowSchema>(capsule, "arrow_schema");
}

Result<arrow::Array> TakeArray(nb::handle capsule) {
  return Take<arrow::Array, ArrowArray>(capsule, "arrow_array");
}

Result<arrow::ArrayStream> TakeStream(nb::handle capsule) {
  return Take<arrow::ArrayStream, ArrowArrayStream>(capsule, "arrow_array_stream");
}

}  // namespace colonnade::python
