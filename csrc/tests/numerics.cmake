# Tests of csrc/numerics, whose library is loaded as programs load it.
add_executable(numerics_kernels numerics_kernels.c)
target_include_directories(numerics_kernels PRIVATE ${PROJECT_SOURCE_DIR}/csrc/include)
target_compile_definitions(numerics_kernels PRIVATE _GNU_SOURCE NUMERICS_LIBRARY="$<TARGET_FILE:reprofp_numerics>")
target_compile_options(numerics_kernels PRIVATE ${REPROFP_WARNINGS})
target_link_libraries(numerics_kernels PRIVATE ${CMAKE_DL_LIBS} m)
add_dependencies(numerics_kernels reprofp_numerics)
add_test(NAME numerics_kernels COMMAND numerics_kernels)
