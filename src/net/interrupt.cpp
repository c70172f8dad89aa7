#include "net/interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace colonnade::net {

Result<std::unique_ptr<Interrupt>> Interrupt::Create() {
  const int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (descriptor < 0) {
    return Io("cannot make an event descriptor: ", std::generic_category().message(errno));
  }
  return std::unique_ptr<Interrupt>(new Interrupt(descriptor));
}

Interrupt::~Interrupt() { close(descriptor_); }

void Interrupt::Set() noexcept {
  const std::lock_guard lock(mutex_);
  if (set_.exchange(true, std::memory_order_acq_rel)) return;
  // The counter is zero while the flag is off, so one more always fits.
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(descriptor_, &one, sizeof(one));
}

void Interrupt::Clear() noexcept {
  const std::lock_guard lock(mutex_);
  if (!set_.exchange(false, std::memory_order_acq_rel)) return;
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = read(descriptor_, &count, sizeof(count));
}

}  // namespace colonnade::net
