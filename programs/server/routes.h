// The server's paths.
#ifndef LFM2_PROGRAMS_SERVER_ROUTES_H_
#define LFM2_PROGRAMS_SERVER_ROUTES_H_

#include "programs/server/http_server.h"
#include "programs/server/service.h"

namespace lfm2::tools {

// Both outlive what is set up here: the server's run.
void AddRoutes(HttpServer* server, Service* service);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_ROUTES_H_
