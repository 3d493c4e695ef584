# -g1: line numbers, without the variables, most of which the optimiser removes.
set(kernel_options $<$<CONFIG:Release>:-g1>)

# Kernel files (src/base/kernel.h) are compiled several times from one source, and added to TARGET.
function(trainer_kernel_forms target forms)
  foreach(form IN LISTS forms)
    string(REPLACE ":" ";" parts "${form}")
    list(GET parts 0 suffix)
    list(GET parts 1 definition)
    list(GET parts 2 flags)
    set(objects ${target}_${suffix})
    add_library(${objects} OBJECT ${ARGN})
    target_link_libraries(${objects} PRIVATE trainer_options)
    if(NOT TRAINER_SANITIZE_KERNELS)
      set_target_properties(${objects} PROPERTIES TRAINER_PLAIN ON)
    endif()
    target_compile_definitions(${objects} PRIVATE KERNEL_SUFFIX=${suffix} ${definition})
    separate_arguments(flags)
    target_compile_options(${objects} PRIVATE ${flags} -fno-math-errno -fno-trapping-math ${kernel_options})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
endfunction()

set(kernels_v3 "-march=x86-64-v3")
set(kernels_v4 "-march=x86-64-v4 -mprefer-vector-width=512")

# trainer_kernels(TARGET FILE...): in double, in float, and in float for each instruction set the
# build covers.
function(trainer_kernels target)
  set(forms "f64:KERNEL_DOUBLE:" "f32::")
  if(TRAINER_ALL_VARIANTS)
    list(APPEND forms "f32_v3::${kernels_v3}" "f32_v4::${kernels_v4}")
  endif()
  trainer_kernel_forms(${target} "${forms}" ${ARGN})
endfunction()

# trainer_bf16_kernels(TARGET FILE...): with activations in bf16, for each instruction set.
function(trainer_bf16_kernels target)
  set(forms "bf16:KERNEL_BF16:")
  if(TRAINER_ALL_VARIANTS)
    list(APPEND forms "bf16_v3:KERNEL_BF16:${kernels_v3}" "bf16_v4:KERNEL_BF16:${kernels_v4}")
  endif()
  trainer_kernel_forms(${target} "${forms}" ${ARGN})
endfunction()
