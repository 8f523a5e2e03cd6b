# pith_floor(<name> [LINKS <public targets>] [DOORS <private packages>] [SOURCES <extra>]): one floor of the house.
# Every .cpp below the folder belongs to it; the public headers are found as "<name>/file.h" from the root, and are
# installed below include/pith so that a consumer writes the same lines. Doors are packages the floor's own .cpp files
# open; header-only doors go in as $<BUILD_INTERFACE:...>, because a consumer never needs them.
include(GNUInstallDirs)

# pith_warnings: what every file of ours compiles with, and all that the kernels take (one object library per instruction
# set: they check nothing, so they are not watched by a fuzzer either). pith_flags: for every other file.
add_library(pith_warnings INTERFACE)
target_compile_features(pith_warnings INTERFACE cxx_std_20)
target_compile_options(pith_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror -ffp-contract=off)
if(PITH_SANITIZE)
  # GCC 12 under sanitizers calls the inside of std::regex "maybe uninitialized" (GCC bug 105562): a warning stays
  target_compile_options(pith_warnings INTERFACE
    -fsanitize=${PITH_SANITIZE} -fno-omit-frame-pointer -Wno-error=maybe-uninitialized)
  target_link_options(pith_warnings INTERFACE -fsanitize=${PITH_SANITIZE})
endif()
add_library(pith_flags INTERFACE)
target_link_libraries(pith_flags INTERFACE pith_warnings)

if(PITH_FUZZ)
  target_compile_options(pith_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(pith_floor name)
  cmake_parse_arguments(FLOOR "" "" "LINKS;DOORS;SOURCES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  list(FILTER sources EXCLUDE REGEX "/kernels/isa_")
  list(FILTER headers EXCLUDE REGEX "/kernels/vec_")
  add_library(pith_${name} STATIC ${sources} ${FLOOR_SOURCES})
  add_library(pith::${name} ALIAS pith_${name})
  set_target_properties(pith_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_sources(pith_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${headers})
  target_compile_features(pith_${name} PUBLIC cxx_std_20)
  target_link_libraries(pith_${name} PUBLIC ${FLOOR_LINKS} PRIVATE $<BUILD_INTERFACE:pith_flags> ${FLOOR_DOORS})
  install(TARGETS pith_${name} EXPORT pith-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pith)
endfunction()
