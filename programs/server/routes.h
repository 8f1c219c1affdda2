// The paths that the server answers.
#ifndef LFM2_PROGRAMS_SERVER_ROUTES_H_
#define LFM2_PROGRAMS_SERVER_ROUTES_H_

#include "programs/server/http_server.h"
#include "programs/server/service.h"

namespace lfm2::tools {

// Both outlive the run of the server.
void AddRoutes(HttpServer* server, Service* service);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_ROUTES_H_
