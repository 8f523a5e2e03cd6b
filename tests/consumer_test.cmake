# Installs the build into a prefix of its own, then configures, builds and runs tests/consumer against it, once through
# find_package and once through pkg-config. Called by ctest with BUILD, SOURCE, SCRATCH, COMPILER, FLAGS.
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${SCRATCH} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# What the README shows is this program, to the letter.
file(READ ${SOURCE}/README.md readme)
foreach(file main.cpp CMakeLists.txt)
  file(READ ${SOURCE}/tests/consumer/${file} shown)
  string(FIND "${readme}" "${shown}" place)
  if(place EQUAL -1)
    message(FATAL_ERROR "README.md does not show tests/consumer/${file} as it is")
  endif()
endforeach()

file(REMOVE_RECURSE ${SCRATCH})
file(MAKE_DIRECTORY ${SCRATCH})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${SCRATCH}/prefix)

run(${CMAKE_COMMAND} -S ${SOURCE}/tests/consumer -B ${SCRATCH}/build -G Ninja -DCMAKE_PREFIX_PATH=${SCRATCH}/prefix
  -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_FLAGS=${FLAGS})
run(${CMAKE_COMMAND} --build ${SCRATCH}/build)
run(${SCRATCH}/build/consumer)

# Compression in one's own loop.
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/consumer/compress -B ${SCRATCH}/compress -G Ninja
  -DCMAKE_PREFIX_PATH=${SCRATCH}/prefix -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_FLAGS=${FLAGS})
run(${CMAKE_COMMAND} --build ${SCRATCH}/compress)
run(${SCRATCH}/compress/compress_consumer ${SOURCE}/tests/consumer/compress/schedule.yaml)
if(NOT output MATCHES "epoch 3.*fc1.weight +48000 weights +90.00 % pruned")
  message(FATAL_ERROR "the example's last epoch is not at its target sparsity:\n${output}")
endif()

# Pith is archives over shared libraries, so no --static: that would ask for what those are made of, too. The file names
# the prefix it was configured for; the variables say where it lies instead.
file(GLOB_RECURSE pc ${SCRATCH}/prefix/*/pith.pc)
get_filename_component(pc_dir "${pc}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_dir})
run(pkg-config --cflags --libs --define-variable=prefix=${SCRATCH}/prefix
  --define-variable=libdir=${SCRATCH}/prefix/${LIBDIR} --define-variable=includedir=${SCRATCH}/prefix/include/pith pith)
separate_arguments(words UNIX_COMMAND "${output}")
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
run(${COMPILER} -O2 ${flags} ${SOURCE}/tests/consumer/main.cpp ${words} -o ${SCRATCH}/by_pkg_config)
run(${SCRATCH}/by_pkg_config)
file(REMOVE_RECURSE ${SCRATCH})
