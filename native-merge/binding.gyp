{
  "targets": [
    {
      "target_name": "native_merge",
      "sources": [
        "src/addon.cpp",
        "src/assemble.cpp",
        "src/bake.cpp",
        "src/compare.cpp",
        "src/contribution.cpp",
        "src/convert.cpp",
        "src/cpu.cpp",
        "src/device.cpp",
        "src/device_choice.cpp",
        "src/device_graph.cpp",
        "src/device_matrix.cpp",
        "src/device_mix.cpp",
        "src/expand.cpp",
        "src/extract.cpp",
        "src/factor_space.cpp",
        "src/factorize.cpp",
        "src/file.cpp",
        "src/fingerprint.cpp",
        "src/geometry.cpp",
        "src/ggml_library.cpp",
        "src/gguf.cpp",
        "src/imatrix.cpp",
        "src/kernels.cpp",
        "src/linear_algebra.cpp",
        "src/mapping.cpp",
        "src/method.cpp",
        "src/mix.cpp",
        "src/parallel.cpp",
        "src/quantize.cpp",
        "src/random.cpp",
        "src/ranks.cpp",
        "src/select.cpp",
        "src/selector.cpp",
        "src/sha256.cpp",
        "src/tensor_data.cpp",
        "src/weights.cpp"
      ],
      "include_dirs": ["<(node_addon_api)", "<(ggml_headers)", "<(llama_headers)"],
      "defines": ["NAPI_VERSION=9", "NAPI_CPP_EXCEPTIONS"],
      # No fused multiply-add: every CPU gives the same bits. GCC 12's -Wrestrict misfires on std::string (PR 105651) and -Wmaybe-uninitialized on intrinsics (PR 105593).
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": [
        "-std=c++20", "-fexceptions", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
        "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-restrict", "-Wno-maybe-uninitialized", "-Wno-cast-function-type"
      ],
      "ldflags": ["-pthread"],
      "libraries": [],
      "conditions": [
        ["OS=='linux'", { "libraries": ["-ldl"] }],
        ["OS=='mac'", {
          "xcode_settings": {
            "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
            "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
            "GCC_OPTIMIZATION_LEVEL": "3",
            "MACOSX_DEPLOYMENT_TARGET": "12.0",
            "OTHER_CPLUSPLUSFLAGS": ["-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
          }
        }],
        ["OS=='win'", {
          "msvs_settings": {
            "VCCLCompilerTool": { "ExceptionHandling": 1, "AdditionalOptions": ["/std:c++20", "/O2", "/fp:precise"] }
          }
        }]
      ]
    }
  ]
}
