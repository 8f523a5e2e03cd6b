# pith_floor(<name> [LINKS <public targets>] [DOORS <private packages>] [SOURCES <extra>]): one floor of the house.
# Every .cpp below the folder belongs to it; the public headers are found as "<name>/file.h" from the root.
include(GNUInstallDirs)

add_library(pith_flags INTERFACE)
target_compile_features(pith_flags INTERFACE cxx_std_20)
target_compile_options(pith_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror -ffp-contract=off)
if(PITH_SANITIZE)
  target_compile_options(pith_flags INTERFACE -fsanitize=${PITH_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(pith_flags INTERFACE -fsanitize=${PITH_SANITIZE})
endif()

function(pith_floor name)
  cmake_parse_arguments(FLOOR "" "" "LINKS;DOORS;SOURCES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  list(FILTER sources EXCLUDE REGEX "/kernels/isa_")
  add_library(pith_${name} STATIC ${sources} ${FLOOR_SOURCES})
  add_library(pith::${name} ALIAS pith_${name})
  set_target_properties(pith_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_sources(pith_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${headers})
  target_compile_features(pith_${name} PUBLIC cxx_std_20)
  target_link_libraries(pith_${name} PUBLIC ${FLOOR_LINKS} PRIVATE $<BUILD_INTERFACE:pith_flags> ${FLOOR_DOORS})
endfunction()
