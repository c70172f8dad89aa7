#include "net/random_bytes.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <span>

namespace colonnade::net {

void FillRandom(MutableBytes target) {
  while (!target.empty()) {
    const ssize_t filled = getrandom(target.data(), target.size(), 0);
    if (filled > 0) {
      target = target.subspan(static_cast<size_t>(filled));
    } else if (errno != EINTR) {
      // Keys that can be foretold would be worse than none.
      std::perror("getrandom");
      std::abort();
    }
  }
}

uint32_t RandomWords::Next() {
  if (used_ == words_.size()) {
    FillRandom(std::as_writable_bytes(std::span(words_)));
    used_ = 0;
  }
  return words_[used_++];
}

}  // namespace colonnade::net
