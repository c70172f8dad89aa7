#include "base/cancel.h"

namespace colonnade {

Status CancelToken::Check() const {
  if (cancelled()) return Cancelled("cancelled");
  return {};
}

const CancelToken& NeverCancelled() {
  static const auto& flag = *new CancelFlag;  // never destroyed: threads may outlive main
  return flag;
}

}  // namespace colonnade
