//! Figures for Prometheus, on a listener of their own that is not reachable from outside.

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusBuilder;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Why figures are not kept. The operator must act.
#[derive(Debug, Error)]
#[error("[metrics] figures cannot be kept: {0}")]
pub struct MetricsError(#[from] metrics_exporter_prometheus::BuildError);

/// Keeps figures from now on, and makes the route that shows them.
pub fn start() -> Result<Router, MetricsError> {
    let figures = PrometheusBuilder::new().install_recorder()?;
    Ok(Router::new().route(
        "/metrics",
        get(move || async move {
            figures.run_upkeep();
            figures.render()
        }),
    ))
}

/// Serves them until `shutdown`.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "metrics.not_served");
    }
}
