package org.posedistill.bench; public final class LiveActivity extends android.app.Activity {}
