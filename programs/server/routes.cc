#include "programs/server/routes.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>

#include "programs/server/generate.h"
#include "programs/server/page.h"

namespace lfm2::tools {

namespace {

using httplib::Request;
using httplib::Response;
using Json = nlohmann::ordered_json;

constexpr const char* kJson = "application/json";
constexpr const char* kRetrySeconds = "1";

struct Route {
  const char* path;
  const char* method;
  bool needs_key;
};
constexpr Route kRoutes[] = {{"/", "GET", false},
                             {"/health", "GET", false},
                             {"/metrics", "GET", true},
                             {"/v1/models", "GET", true},
                             {"/v1/chat/completions", "POST", true},
                             {"/v1/completions", "POST", true}};

const Route* RouteOf(const std::string& path) {
  const auto found =
      std::find_if(std::begin(kRoutes), std::end(kRoutes), [&](const Route& r) { return path == r.path; });
  return found == std::end(kRoutes) ? nullptr : found;
}

void Refuse(const ApiError& error, Response* response) {
  response->status = error.status;
  response->set_content(error.Json(), kJson);
  if (error.status == 503) response->set_header("Retry-After", kRetrySeconds);
  if (error.status == 401) response->set_header("WWW-Authenticate", "Bearer");
}

ApiError Invalid(int status, const char* code, const std::string& message) {
  return ApiError::Of(status, "invalid_request_error", code, message);
}

// The host name in a Host or Origin header, without the port.
std::string NameOfHost(std::string host) {
  const size_t scheme = host.find("://");
  if (scheme != std::string::npos) host.erase(0, scheme + 3);
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) host.erase(colon);
  return host;
}

bool IsThisMachine(const std::string& name) {
  return name.empty() || name == "localhost" || name == "[::1]" || name.compare(0, 4, "127.") == 0;
}

// Browsers let any page send requests to this machine, and a name server may give this machine any name.
ApiError CheckOrigin(const Service& service, const Request& request) {
  const std::string host = request.get_header_value("Host");
  if (service.checks_host && !IsThisMachine(NameOfHost(host))) {
    return Invalid(403, "forbidden", "the Host header names another machine");
  }
  const std::string origin = request.get_header_value("Origin");
  const size_t scheme = origin.find("://");
  if (!origin.empty() && (scheme == std::string::npos || origin.substr(scheme + 3) != host)) {
    return Invalid(403, "forbidden", "requests from pages of other sites are refused");
  }
  return ApiError();
}

// Checks the headers for the length and the type of the body.
ApiError CheckBody(const Request& request, size_t most) {
  const std::string length = request.get_header_value("Content-Length");
  const size_t lengths = request.get_header_value_count("Content-Length");
  const bool is_chunked = request.has_header("Transfer-Encoding");
  if (!is_chunked && lengths == 0) return Invalid(411, "length_required", "the request needs a Content-Length");
  const bool is_number = !length.empty() && length.find_first_not_of("0123456789") == std::string::npos;
  if (lengths > 1 || (lengths == 1 && (is_chunked || !is_number))) {
    return Invalid(400, "bad_length", "the headers contradict each other about the length of the body");
  }
  if (lengths == 1 && (length.size() > 18 || std::stoull(length) > most)) {
    return ApiError::Of(413, "invalid_request_error", "body_too_large", "the body has ", length, " bytes, more than ",
                        uint64_t{most});
  }
  const std::string coding = request.get_header_value("Content-Encoding");
  if (!coding.empty() && coding != "identity")
    return Invalid(415, "unsupported_encoding", "compressed bodies are not supported");
  const std::string type = request.get_header_value("Content-Type");
  if (type.compare(0, 16, kJson) != 0 || (type.size() > 16 && type[16] != ';' && type[16] != ' ')) {
    return Invalid(415, "unsupported_media_type", "the Content-Type must be application/json");
  }
  return ApiError();
}

ApiError CheckRequest(const HttpServer& server, const Service& service, const Request& request) {
  LFM2_RETURN_IF_REFUSED(CheckOrigin(service, request));
  const Route* const route = RouteOf(request.path);
  if (route == nullptr) return Invalid(404, "not_found", "there is no " + request.path);
  const bool is_head = request.method == "HEAD" && std::string(route->method) == "GET";
  if (request.method != route->method && !is_head) {
    return Invalid(405, "method_not_allowed", request.path + " accepts " + route->method + " only");
  }
  if (route->needs_key && !service.keys.Allow(request.get_header_value("Authorization"))) {
    return Invalid(401, "invalid_api_key", "an API key is needed: Authorization: Bearer KEY");
  }
  if (std::string(route->method) != "POST") return ApiError();
  if (server.drains()) return ApiError::Of(503, "server_error", "shutting_down", "the server is shutting down");
  return CheckBody(request, server.limits().body_bytes);
}

ApiError ReadBody(const httplib::ContentReader& read, size_t most, std::string* body) {
  bool is_too_large = false;
  const bool is_read = read([&](const char* bytes, size_t size) {
    is_too_large = size > most - body->size();
    if (!is_too_large) body->append(bytes, size);
    return !is_too_large;
  });
  if (is_read) return ApiError();
  HttpConnection& connection = *HttpConnection::Current();
  connection.CloseAfterResponse();
  if (is_too_large || connection.is_too_large()) {
    return ApiError::Of(413, "invalid_request_error", "body_too_large", "the body has more than ", uint64_t{most},
                        " bytes");
  }
  if (connection.is_too_slow()) return Invalid(408, "timeout", "the body did not arrive in time");
  return Invalid(400, "bad_body", "the body ends before its announced length, or is malformed");
}

// This thread sends the rest of the response as the answer comes.
void Stream(std::shared_ptr<AnswerRun> run, Response* response) {
  response->set_header("Cache-Control", "no-store");
  response->set_chunked_content_provider("text/event-stream", [run](size_t, httplib::DataSink& sink) {
    std::string events;
    const auto wanted = [] { return HttpConnection::Current()->IsAlive(); };
    if (!run->NextEvents(wanted, &events)) {
      sink.done();
      return true;
    }
    return sink.write(events.data(), events.size());
  });
}

ApiError Generate(const HttpServer& server, Service* service, ApiError (AnswerRun::*begin)(Service*, std::string_view),
                  const httplib::ContentReader& read, Response* response) {
  const auto run = std::make_shared<AnswerRun>();
  {
    std::string body;
    LFM2_RETURN_IF_REFUSED(ReadBody(read, server.limits().body_bytes, &body));
    LFM2_RETURN_IF_REFUSED(((*run).*begin)(service, body));
  }
  const auto wanted = [] { return HttpConnection::Current()->IsAlive(); };
  if (run->streams()) {
    LFM2_RETURN_IF_REFUSED(run->WaitForFirst(wanted));
    Stream(run, response);
  } else {
    std::string body;
    LFM2_RETURN_IF_REFUSED(run->Whole(wanted, &body));
    response->set_content(std::move(body), kJson);
  }
  return ApiError();
}

std::string ModelsJson(const Service& service) {
  const Json model = {{"id", service.model_name},
                      {"object", "model"},
                      {"created", service.created},
                      {"owned_by", "lfm2"},
                      {"context_length", service.context_length}};
  return DumpJson({{"object", "list"}, {"data", Json::array({model})}});
}

// For requests that httplib itself refuses.
void ExplainRefusal(HttpConnection* connection, const Request& request, Response* response) {
  if (!response->body.empty()) return;
  if (connection->is_too_large()) response->status = 431;
  if (connection->is_too_slow()) response->status = 408;
  const std::string what = response->status == 431   ? "the headers are too large"
                           : response->status == 408 ? "the request did not arrive in time"
                           : response->status == 414 ? "the address is too long"
                                                     : "the request is not valid HTTP";
  connection->CloseAfterResponse();
  static_cast<void>(request);
  response->set_content(Invalid(response->status, "bad_request", what).Json(), kJson);
}

}  // namespace

void AddRoutes(HttpServer* server, Service* service) {
  server->set_pre_routing_handler([=](const Request& request, Response& response) {
    const ApiError error = CheckRequest(*server, *service, request);
    if (error.ok()) return HttpServer::HandlerResponse::Unhandled;
    HttpConnection::Current()->CloseAfterResponse();
    Refuse(error, &response);
    return HttpServer::HandlerResponse::Handled;
  });
  // Checked before the client sends the body.
  server->set_expect_100_continue_handler([=](const Request& request, Response& response) {
    const ApiError error = CheckRequest(*server, *service, request);
    if (error.ok()) return 100;
    HttpConnection::Current()->CloseAfterResponse();
    Refuse(error, &response);
    return error.status;
  });
  server->Get("/", [](const Request&, Response& response) {
    response.set_header(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    response.set_content(std::string(ChatPage()), "text/html; charset=utf-8");
  });
  server->Get("/health", [=](const Request&, Response& response) {
    if (server->drains()) response.status = 503;
    response.set_content(server->drains() ? R"({"status":"ending"})" : R"({"status":"ok"})", kJson);
  });
  server->Get("/metrics", [=](const Request&, Response& response) {
    response.set_content(service->metrics.Text(), "text/plain; version=0.0.4; charset=utf-8");
  });
  server->Get("/v1/models",
              [=](const Request&, Response& response) { response.set_content(ModelsJson(*service), kJson); });
  const auto generate = [=](ApiError (AnswerRun::*begin)(Service*, std::string_view)) {
    return [=](const Request&, Response& response, const httplib::ContentReader& read) {
      const ApiError error = Generate(*server, service, begin, read, &response);
      if (!error.ok()) Refuse(error, &response);
    };
  };
  server->Post("/v1/chat/completions", generate(&AnswerRun::BeginChat));
  server->Post("/v1/completions", generate(&AnswerRun::BeginCompletion));
  server->set_error_handler([](const Request& request, Response& response) {
    ExplainRefusal(HttpConnection::Current(), request, &response);
  });
  server->set_exception_handler([](const Request&, Response& response, std::exception_ptr) {
    Refuse(ApiError::Of(500, "server_error", "", "the server could not handle this request"), &response);
  });
  server->set_post_routing_handler([=](const Request& request, Response& response) {
    response.set_header("X-Content-Type-Options", "nosniff");
    const Route* const route = RouteOf(request.path);
    service->metrics.CountRequest(route == nullptr ? "other" : route->path, response.status);
    HttpConnection& connection = *HttpConnection::Current();
    if (!connection.closes() || response.get_header_value("Connection") == "close") return;
    response.headers.erase("Keep-Alive");
    response.set_header("Connection", "close");
  });
}

}  // namespace lfm2::tools
