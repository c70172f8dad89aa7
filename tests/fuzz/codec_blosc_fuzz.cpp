#include "codec_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace colonnade::array;
  return DecodeFuzzInput(BytesCodec::kBlosc, data, size);
}
