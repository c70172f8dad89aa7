// Two small stores as zarr-python 3.1.6 and numcodecs 0.16 write them, for tests.
//
// x: float64 [0.5, 1.5, -2.5]; t: int16, 4 x 3, counting from -5, transposed chunks; s: strings;
// u: UTF-32; w: days, one of them NaT; sh (v3): int32, 4 x 5, counting from 0, sharded.

#pragma once

#include <string_view>

namespace colonnade::zarr {

struct GoldenFile {
  std::string_view key;
  std::string_view content;  // text of documents, base64 of chunks
};

constexpr GoldenFile kV2Store[] = {
    {".zattrs", R"json({"title":"golden"})json"},
    {".zgroup", R"json({"zarr_format":2})json"},
    {".zmetadata",
     R"json({"metadata":{".zgroup":{"zarr_format":2},".zattrs":{"title":"golden"},"s/.zattrs":{"_ARRAY_DIMENSIONS":["x"]},"s/.zarray":{"shape":[3],"chunks":[2],"dtype":"|O","fill_value":"","order":"C","filters":[{"id":"vlen-utf8"}],"dimension_separator":".","compressor":null,"zarr_format":2},"t/.zattrs":{"_ARRAY_DIMENSIONS":["y","x"]},"t/.zarray":{"shape":[4,3],"chunks":[3,2],"dtype":"<i2","fill_value":0,"order":"F","filters":null,"dimension_separator":".","compressor":{"id":"blosc","cname":"lz4","clevel":5,"shuffle":1,"blocksize":0},"zarr_format":2},"u/.zattrs":{"_ARRAY_DIMENSIONS":["x"]},"u/.zarray":{"shape":[3],"chunks":[3],"dtype":"<U2","fill_value":"","order":"C","filters":null,"dimension_separator":".","compressor":{"id":"zstd","level":0},"zarr_format":2},"w/.zattrs":{"_ARRAY_DIMENSIONS":["x"]},"w/.zarray":{"shape":[3],"chunks":[3],"dtype":"<M8[D]","fill_value":-9223372036854775808,"order":"C","filters":null,"dimension_separator":".","compressor":{"id":"lz4","acceleration":1},"zarr_format":2},"x/.zattrs":{"_ARRAY_DIMENSIONS":["x"]},"x/.zarray":{"shape":[3],"chunks":[3],"dtype":"<f8","fill_value":0.0,"order":"C","filters":null,"dimension_separator":".","compressor":{"id":"zlib","level":5},"zarr_format":2}},"zarr_consolidated_format":1})json"},
    {"s/.zarray",
     R"json({"shape":[3],"chunks":[2],"dtype":"|O","fill_value":"","order":"C","filters":[{"id":"vlen-utf8"}],"dimension_separator":".","compressor":null,"zarr_format":2})json"},
    {"s/.zattrs", R"json({"_ARRAY_DIMENSIONS":["x"]})json"},
    {"s/0", "AgAAAAEAAABhAAAAAA=="},
    {"s/1", "AgAAAAYAAABow6lsbG8AAAAA"},
    {"t/.zarray",
     R"json({"shape":[4,3],"chunks":[3,2],"dtype":"<i2","fill_value":0,"order":"F","filters":null,"dimension_separator":".","compressor":{"id":"blosc","cname":"lz4","clevel":5,"shuffle":1,"blocksize":0},"zarr_format":2})json"},
    {"t/.zattrs", R"json({"_ARRAY_DIMENSIONS":["y","x"]})json"},
    {"t/0.0", "AgEzAgwAAAAMAAAAHAAAAPv//v8BAPz///8CAA=="},
    {"t/0.1", "AgEzAgwAAAAMAAAAHAAAAP3/AAADAAAAAAAAAA=="},
    {"t/1.0", "AgEzAgwAAAAMAAAAHAAAAAQAAAAAAAUAAAAAAA=="},
    {"t/1.1", "AgEzAgwAAAAMAAAAHAAAAAYAAAAAAAAAAAAAAA=="},
    {"u/.zarray", R"json({"shape":[3],"chunks":[3],"dtype":"<U2","fill_value":"","order":"C","filters":null,"dimension_separator":".","compressor":{"id":"zstd","level":0},"zarr_format":2})json"},
    {"u/.zattrs", R"json({"_ARRAY_DIMENSIONS":["x"]})json"},
    {"u/0", "KLUv/SAYhQAAUGEAAABiAAAAYwABADJAAg=="},
    {"w/.zarray",
     R"json({"shape":[3],"chunks":[3],"dtype":"<M8[D]","fill_value":-9223372036854775808,"order":"C","filters":null,"dimension_separator":".","compressor":{"id":"lz4","acceleration":1},"zarr_format":2})json"},
    {"w/.zattrs", R"json({"_ARRAY_DIMENSIONS":["x"]})json"},
    {"w/0", "GAAAADhWRwABAJCAxEgAAAAAAAA="},
    {"x/.zarray",
     R"json({"shape":[3],"chunks":[3],"dtype":"<f8","fill_value":0.0,"order":"C","filters":null,"dimension_separator":".","compressor":{"id":"zlib","level":5},"zarr_format":2})json"},
    {"x/.zattrs", R"json({"_ARRAY_DIMENSIONS":["x"]})json"},
    {"x/0", "eF5jYACBB/ZgiuEHlGY5AAAgtgMb"},
};

constexpr GoldenFile kV3Store[] = {
    {"zarr.json",
     R"json({"attributes":{"title":"golden"},"zarr_format":3,"consolidated_metadata":{"kind":"inline","must_understand":false,"metadata":{"s":{"shape":[3],"data_type":"string","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[2]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":"","codecs":[{"name":"vlen-utf8","configuration":{}}],"attributes":{},"dimension_names":["x"],"zarr_format":3,"node_type":"array","storage_transformers":[]},"sh":{"shape":[4,5],"data_type":"int32","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[4,4]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,"codecs":[{"name":"sharding_indexed","configuration":{"chunk_shape":[2,2],"codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"zstd","configuration":{"level":0,"checksum":false}}],"index_codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"crc32c"}],"index_location":"end"}}],"attributes":{},"dimension_names":["y","z"],"zarr_format":3,"node_type":"array","storage_transformers":[]},"t":{"shape":[4,3],"data_type":"int16","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[3,2]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,"codecs":[{"name":"transpose","configuration":{"order":[1,0]}},{"name":"bytes","configuration":{"endian":"little"}},{"name":"blosc","configuration":{"typesize":2,"cname":"lz4","clevel":5,"shuffle":"shuffle",)json"
     R"json("blocksize":0}}],"attributes":{},"dimension_names":["y","x"],"zarr_format":3,"node_type":"array","storage_transformers":[]},"u":{"shape":[3],"data_type":{"name":"fixed_length_utf32","configuration":{"length_bytes":8}},"chunk_grid":{"name":"regular","configuration":{"chunk_shape":[3]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":"","codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"zstd","configuration":{"level":0,"checksum":false}}],"attributes":{},"dimension_names":["x"],"zarr_format":3,"node_type":"array","storage_transformers":[]},"w":{"shape":[3],"data_type":{"name":"numpy.datetime64","configuration":{"unit":"D","scale_factor":1}},"chunk_grid":{"name":"regular","configuration":{"chunk_shape":[3]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":-9223372036854775808,"codecs":[{"name":"bytes","configuration":{"endian":"little"}}],"attributes":{},"dimension_names":["x"],"zarr_format":3,"node_type":"array","storage_transformers":[]},"x":{"shape":[3],"data_type":"float64","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[3]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0.0,"codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"gzip","configuration":{"level":5}}],"attributes":{},"dimension_names":["x"],"zarr_format":3,"node_type":"array","storage_transformers":[]}}},"node_type":"group"})json"},
    {"s/zarr.json",
     R"json({"shape":[3],"data_type":"string","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[2]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":"","codecs":[{"name":"vlen-utf8","configuration":{}}],"attributes":{},"dimension_names":["x"],"zarr_format":3,"node_type":"array","storage_transformers":[]})json"},
    {"s/c/0", "AgAAAAEAAABhAAAAAA=="},
    {"s/c/1", "AgAAAAYAAABow6lsbG8AAAAA"},
    {"sh/zarr.json",
     R"json({"shape":[4,5],"data_type":"int32","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[4,4]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,"codecs":[{"name":"sharding_indexed","configuration":{"chunk_shape":[2,2],"codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"zstd","configuration":{"level":0,"checksum":false}}],"index_codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"crc32c"}],"index_location":"end"}}],"attributes":{},"dimension_names":["y","z"],"zarr_format":3,"node_type":"array","storage_transformers":[]})json"},
    {"sh/c/0/0",
     "KLUv/SAQgQAAAAAAAAEAAAAFAAAABgAAACi1L/0gEIEAAAoAAAALAAAADwAAABAAAAAotS/"
     "9IBCBAAACAAAAAwAAAAcAAAAIAAAAKLUv/"
     "SAQgQAADAAAAA0AAAARAAAAEgAAAAAAAAAAAAAAGQAAAAAAAAAyAAAAAAAAABkAAAAAAAAAGQAAAAAAAAAZAAAAAAAAAE"
     "sAAAAAAAAAGQAAAAAAAAAALP+/"},
    {"sh/c/0/1",
     "KLUv/SAQgQAABAAAAAAAAAAJAAAAAAAAACi1L/0gEIEAAA4AAAAAAAAAEwAAAAAAAAAAAAAAAAAAABkAAAAAAAAA/////"
     "////////////////xkAAAAAAAAAGQAAAAAAAAD/////////////////////A5QkBg=="},
    {"t/zarr.json",
     R"json({"shape":[4,3],"data_type":"int16","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[3,2]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,"codecs":[{"name":"transpose","configuration":{"order":[1,0]}},{"name":"bytes","configuration":{"endian":"little"}},{"name":"blosc","configuration":{"typesize":2,"cname":"lz4","clevel":5,"shuffle":"shuffle","blocksize":0}}],"attributes":{},"dimension_names":["y","x"],"zarr_format":3,"node_type":"array","storage_transformers":[]})json"},
    {"t/c/0/0", "AgEzAgwAAAAMAAAAHAAAAPv//v8BAPz///8CAA=="},
    {"t/c/0/1", "AgEzAgwAAAAMAAAAHAAAAP3/AAADAAAAAAAAAA=="},
    {"t/c/1/0", "AgEzAgwAAAAMAAAAHAAAAAQAAAAAAAUAAAAAAA=="},
    {"t/c/1/1", "AgEzAgwAAAAMAAAAHAAAAAYAAAAAAAAAAAAAAA=="},
    {"u/zarr.json",
     R"json({"shape":[3],"data_type":{"name":"fixed_length_utf32","configuration":{"length_bytes":8}},"chunk_grid":{"name":"regular","configuration":{"chunk_shape":[3]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":"","codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"zstd","configuration":{"level":0,"checksum":false}}],"attributes":{},"dimension_names":["x"],"zarr_format":3,"node_type":"array","storage_transformers":[]})json"},
    {"u/c/0", "KLUv/SAYhQAAUGEAAABiAAAAYwABADJAAg=="},
    {"w/zarr.json",
     R"json({"shape":[3],"data_type":{"name":"numpy.datetime64","configuration":{"unit":"D","scale_factor":1}},"chunk_grid":{"name":"regular","configuration":{"chunk_shape":[3]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":-9223372036854775808,"codecs":[{"name":"bytes","configuration":{"endian":"little"}}],"attributes":{},"dimension_names":["x"],"zarr_format":3,"node_type":"array","storage_transformers":[]})json"},
    {"w/c/0", "VkcAAAAAAAAAAAAAAAAAgMRIAAAAAAAA"},
    {"x/zarr.json",
     R"json({"shape":[3],"data_type":"float64","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[3]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0.0,"codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"gzip","configuration":{"level":5}}],"attributes":{},"dimension_names":["x"],"zarr_format":3,"node_type":"array","storage_transformers":[]})json"},
    {"x/c/0", "H4sIAMTCAWsA/2NgAIEH9mCK4QeUZjkAAHm4ChgYAAAA"},
};

}  // namespace colonnade::zarr
